package history

import (
	"context"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// MaxDeleteMessages is the maximum number of messages of one delete.
const MaxDeleteMessages = 1000

// MessagesDelete is a delete of single messages of a conversation.
type MessagesDelete struct {
	Conversation chat.ConversationID
	Messages     []chat.MessageID
	DryRun       bool // only count
	chat.DeleteOptions
}

// DeletedMessages is the result of a delete of single messages.
type DeletedMessages struct {
	IDs     []chat.MessageID // in the order of the request; empty, never nil
	Receipt chat.Deletion    // the zero value when nothing was deleted
	// Preview has the numbers of a dry run.
	Preview chat.MessagesPreview
	// Conversation reports that the conversation was deleted too, because no message was left.
	Conversation bool
}

// DeleteMessages deletes messages of a conversation in one transaction, with every passage
// that contains a part of one and its vector. The other messages stay, and the conversation is
// indexed again. If no message is left, the conversation is deleted. A title that
// quotes one of the messages is derived from the rest. The messages do not come back when the
// conversation is uploaded or imported again, until LiftExclusions. Unknown and repeated ids
// are left out of the answer. With DryRun it deletes nothing and only counts, for
// which it also needs the scope read.
//
// Invalid when there is no message id, or more than MaxDeleteMessages; NotFound when the
// workspace has no conversation with that id.
func (a Access) DeleteMessages(ctx context.Context, d MessagesDelete) (DeletedMessages, error) {
	if err := a.May(OpDeleteMessages); err != nil {
		return DeletedMessages{}, err
	}
	if d.DryRun {
		if err := a.need(auth.Read); err != nil {
			return DeletedMessages{}, err
		}
	}
	return ask(ctx, a, OpDeleteMessages, func(ctx context.Context, h *History, ws chat.WorkspaceID) (DeletedMessages, error) {
		k, err := a.keyed(OpDeleteMessages, d)
		if err != nil {
			return DeletedMessages{}, err
		}
		d.DeleteOptions = a.by(d.DeleteOptions)
		return h.deleteMessages(ctx, ws, d, k)
	})
}

func (h *History) deleteMessages(ctx context.Context, ws chat.WorkspaceID, d MessagesDelete, k keyed) (DeletedMessages, error) {
	switch n := len(d.Messages); {
	case n == 0:
		return DeletedMessages{}, fault.Breaks(fault.At("messages"), "must name at least one message")
	case n > MaxDeleteMessages:
		return DeletedMessages{}, fault.Breaks(fault.At("messages"), "must name at most %d messages, got %d; delete the rest in another request", MaxDeleteMessages, n)
	}
	id, err := knownID(d.Conversation)
	if err != nil {
		return DeletedMessages{}, err
	}
	asked, done := fold(d.Messages), DeletedMessages{IDs: []chat.MessageID{}}
	if d.DryRun {
		err := h.store.Snapshot(ctx, func(v *store.View) (err error) {
			done.Preview, err = v.PreviewMessages(ws, id, asked)
			return err
		})
		return done, err
	}
	var removed store.RemovedMessages
	earlier, receipt, err := h.deleteOnce(ctx, ws, k, func(tx *store.Tx) (_ store.Outcome, err error) {
		removed, err = tx.DeleteMessages(ws, id, asked, d.DeleteOptions)
		return outcomeOf(asked, removed.IDs, removed.Receipt), err
	})
	switch {
	case err != nil:
		return done, err
	case earlier != nil:
		return DeletedMessages{IDs: deletedAmong(asked, *earlier), Receipt: receipt, Conversation: receipt.Conversations > 0}, nil
	case len(removed.IDs) == 0:
		return done, nil
	}
	h.deleted()
	h.wake(ws) // what is left is indexed again
	return DeletedMessages{IDs: inOrder(asked, removed.IDs), Receipt: removed.Receipt, Conversation: removed.Conversation}, nil
}
