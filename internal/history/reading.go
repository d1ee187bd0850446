package history

import (
	"context"
	"iter"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// readingPage is how many bytes of text a Reading has in memory at once. A conversation with no more text is read in
// one snapshot.
const readingPage = 1 << 20

// Reading is a conversation whose messages are read page by page when they are asked for. Only one page is in memory,
// however long the conversation is. The first page is read together with the conversation. It is for one caller at a
// time.
type Reading struct {
	chat.Conversation

	store *store.Store
	ws    chat.WorkspaceID
	key   *keyWatch
	first page
}

// page is a part of a conversation that was read in one snapshot.
type page struct {
	parts []chat.Part
	more  bool // there are more pages
}

// read is Access.Read. key is checked while the answer is sent.
func (h *History) read(ctx context.Context, ws chat.WorkspaceID, id chat.ConversationID, key *keyWatch) (*Reading, error) {
	id, err := knownID(id)
	if err != nil {
		return nil, err
	}
	r := &Reading{store: h.store, ws: ws, key: key}
	err = h.store.Snapshot(ctx, func(v *store.View) (err error) {
		if r.Conversation, err = v.Conversation(ws, id); err != nil {
			return err
		}
		r.first, err = readPage(v, ws, id, chat.PartAt{})
		return err
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

func readPage(v *store.View, ws chat.WorkspaceID, id chat.ConversationID, at chat.PartAt) (page, error) {
	parts, last, err := v.Parts(ws, id, at, readingPage)
	return page{parts: parts, more: !last}, err
}

// Held is how many bytes of text are in memory.
func (r *Reading) Held() int {
	bytes := 0
	for _, part := range r.first.parts {
		bytes += len(part.Text)
	}
	return bytes
}

// Whole reports whether all messages are in memory already.
func (r *Reading) Whole() bool { return !r.first.more }

// Parts yields the messages in order, long ones in pieces. It may be called once.
//
// No transaction is open between the pages, so a slow reader does not stop deleted storage from being reclaimed and
// does not block other readers. So a conversation of more than one page may change in between. Then Parts ends with
// Conflict, or with NotFound when it was deleted, and the messages before the error are not the whole conversation.
// It also ends with Unauthenticated when the caller's key was revoked. It stops after an error.
func (r *Reading) Parts(ctx context.Context) iter.Seq2[chat.Part, error] {
	return func(yield func(chat.Part, error) bool) {
		current := r.first
		r.first = page{}
		for {
			at := chat.PartAt{}
			for _, part := range current.parts {
				at = part.After()
				if !yield(part, nil) {
					return
				}
			}
			if !current.more {
				return
			}
			var err error
			if current, err = r.next(ctx, at); err != nil {
				yield(chat.Part{}, err)
				return
			}
		}
	}
}

// next reads the page at a place, if the conversation is still the same and the key is still valid.
func (r *Reading) next(ctx context.Context, at chat.PartAt) (p page, err error) {
	if err := r.key.check(ctx); err != nil {
		return page{}, err
	}
	err = r.store.Snapshot(ctx, func(v *store.View) error {
		now, err := v.Conversation(r.ws, r.ID)
		if err != nil {
			return err
		}
		if now.Revision != r.Revision {
			return fault.New(fault.Conflict, "the conversation changed while it was read; read it again")
		}
		p, err = readPage(v, r.ws, r.ID, at)
		return err
	})
	return p, err
}
