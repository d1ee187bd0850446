package history

import (
	"context"
	"errors"
	"fmt"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// A transaction of SQLite makes all other writers wait. Reading a very long conversation and merging an upload into
// it takes seconds. So both happen before the transaction, which only checks that the conversation is still the same.
const (
	prepareFrom = 1000 // merges into conversations with at least this many messages are prepared
	mostAhead   = 8    // merges that are prepared for one delivery; each starts the transaction again
)

// prepared is a merge that was computed before the transaction.
type prepared struct {
	before chat.Conversation
	merged chat.Merged
}

// fits reports whether a conversation is still the one that the upload was merged into. Its revision rises with every
// change of a message.
func (p prepared) fits(c chat.Conversation) bool {
	b := p.before
	return c.ID == b.ID && c.Revision == b.Revision && c.Title == b.Title && c.Pinned == b.Pinned &&
		c.CreatedAt.Equal(b.CreatedAt) && c.UpdatedAt.Equal(b.UpdatedAt) && c.Source.Equal(b.Source)
}

// errUnprepared ends a transaction: the merge of an upload must be prepared first.
type errUnprepared struct{ upload int }

func (e errUnprepared) Error() string { return fmt.Sprintf("upload %d is not prepared", e.upload) }

// prepare merges an upload into the stored conversation without a write transaction. If the conversation no longer
// exists, the result fits no conversation.
func (h *History) prepare(ctx context.Context, ws chat.WorkspaceID, u chat.ValidUpload) (p prepared, err error) {
	var turns []chat.Message
	var short bool
	err = h.store.Snapshot(ctx, func(v *store.View) (err error) {
		if p.before, err = v.ByOrigin(ws, u.Origin()); err != nil {
			return err
		}
		forgotten, err := v.Forgotten(ws, u.Origin())
		if err != nil {
			return err
		}
		u = u.Except(forgotten)
		turns, short, err = read(v, ws, p.before.ID, u.From())
		return err
	})
	switch {
	case fault.Is(err, fault.NotFound):
		return prepared{}, nil
	case err != nil:
		return prepared{}, err
	}
	p.merged = merge(p.before, turns, short, u)
	return p, nil
}

// read returns the messages of a conversation from a position on. Long texts are abridged.
func read(v *store.View, ws chat.WorkspaceID, conversation chat.ConversationID, from int) (turns []chat.Message, short bool, err error) {
	if turns, short, err = v.ShortTurns(ws, conversation, from); err == nil && !short {
		turns, err = v.AbridgedTurns(ws, conversation, from)
	}
	return turns, short, err
}

func merge(c chat.Conversation, turns []chat.Message, short bool, u chat.ValidUpload) chat.Merged {
	stored := chat.Transcript{Conversation: c, Turns: turns}
	if short {
		return chat.Merge(stored, u)
	}
	return chat.MergeAbridged(stored, u)
}

// merge merges upload i, of which u is what may be stored, into its locked conversation. It
// returns errUnprepared if that may take long. If the conversation has changed since the merge
// was prepared, it merges again.
func (d *delivery) merge(i int, u chat.ValidUpload, locked chat.Conversation) (chat.Merged, error) {
	p, tried := d.prepared[i]
	if p.fits(locked) {
		return p.merged, nil
	}
	from := u.From()
	mayPrepare := !tried && len(d.prepared) < mostAhead
	if mayPrepare && locked.Messages-from > prepareFrom {
		return chat.Merged{}, errUnprepared{i}
	}
	turns, short, err := d.tx.ShortTurns(d.ws, locked.ID, from)
	if err == nil && !short {
		if mayPrepare {
			return chat.Merged{}, errUnprepared{i}
		}
		turns, err = d.tx.AbridgedTurns(d.ws, locked.ID, from)
	}
	if err != nil {
		return chat.Merged{}, err
	}
	return merge(locked, turns, short, u), nil
}

// inPreparedTx runs a delivery in a transaction, and runs it again after each merge that had to be prepared.
func (h *History) inPreparedTx(ctx context.Context, ws chat.WorkspaceID, uploads []chat.ValidUpload, fn func(*store.Tx, map[int]prepared) error) error {
	ahead := map[int]prepared{}
	for {
		err := h.store.InTx(ctx, func(tx *store.Tx) error { return fn(tx, ahead) })
		var missing errUnprepared
		if !errors.As(err, &missing) {
			return err
		}
		if ahead[missing.upload], err = h.prepare(ctx, ws, uploads[missing.upload]); err != nil {
			return err
		}
	}
}
