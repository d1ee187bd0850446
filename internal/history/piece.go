package history

import (
	"context"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/text"
)

// Piece is some of the messages of a conversation.
type Piece struct {
	Conversation chat.Conversation
	Parts        []chat.Part // in order; the last text may be cut
	Next         *Place      // where the next piece begins; nil after the last one
}

// Place is a place in a conversation with the revision in which it is that place.
type Place struct {
	Revision int64
	chat.PartAt
}

// ReadPiece returns the messages of a conversation from a place on that have at most so many
// tokens together; at least one character, so that reading on comes to an end. The zero Place
// is the beginning. At most 1 MiB of text is returned. NotFound when the workspace has no
// conversation with that id; Conflict when it has changed since the place was returned.
func (a Access) ReadPiece(ctx context.Context, id chat.ConversationID, from Place, tokens int) (Piece, error) {
	return ask(ctx, a, OpReadPiece, func(ctx context.Context, h *History, ws chat.WorkspaceID) (p Piece, err error) {
		id, err := knownID(id)
		if err != nil {
			return Piece{}, err
		}
		var read page
		err = h.store.Snapshot(ctx, func(v *store.View) error {
			if p.Conversation, err = v.Conversation(ws, id); err != nil {
				return err
			}
			if from != (Place{}) && from.Revision != p.Conversation.Revision {
				return fault.New(fault.Conflict, "the conversation has changed since the part before was read; read it again from the beginning")
			}
			read, err = readPage(v, ws, id, from.PartAt)
			return err
		})
		if err != nil {
			return Piece{}, err
		}
		p.take(read, tokens)
		return p, nil
	})
}

// take adds the parts that fit.
func (p *Piece) take(read page, tokens int) {
	for _, part := range read.parts {
		n, whole := text.TokensUpTo(part.Text, tokens)
		if whole {
			p.Parts, tokens = append(p.Parts, part), tokens-n
			continue
		}
		at := chat.PartAt{Position: part.Position, Offset: part.Offset}
		if cut := text.CutTokens(part.Text, tokens); cut != "" && cut != part.Text {
			part.Text = cut
			p.Parts, at = append(p.Parts, part), part.After()
		} else if len(p.Parts) == 0 { // a single word has more tokens than there is room for
			p.Parts, at = append(p.Parts, part), part.After()
		}
		p.Next = &Place{Revision: p.Conversation.Revision, PartAt: at}
		return
	}
	if read.more && len(p.Parts) > 0 {
		p.Next = &Place{Revision: p.Conversation.Revision, PartAt: p.Parts[len(p.Parts)-1].After()}
	}
}
