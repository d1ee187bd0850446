package history

import (
	"context"
	"errors"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// deleteMatching is Access.DeleteMatching.
func (h *History) deleteMatching(ctx context.Context, ws chat.WorkspaceID, m chat.MatchingDelete, k keyed) (n int, deleted Deleted, err error) {
	filter, err := m.Selection()
	if err != nil {
		return 0, Deleted{}, err
	}
	if m.DryRun {
		n, err = h.store.View(ctx).CountMatching(ws, filter)
		if err == nil {
			err = expect(m.Expected, n)
		}
		return n, Deleted{IDs: []chat.ConversationID{}}, err
	}
	earlier, receipt, err := h.deleteOnce(ctx, ws, k, func(tx *store.Tx) (store.Outcome, error) {
		ids, err := tx.LockMatching(ws, filter)
		if err != nil {
			return store.Outcome{}, err
		}
		if err := expect(m.Expected, len(ids)); err != nil {
			return store.Outcome{}, err
		}
		deletedIDs, receipt, err := tx.DeleteConversations(ws, ids, m.DeleteOptions)
		deleted = Deleted{IDs: inOrder(ids, deletedIDs), Receipt: receipt}
		return store.Outcome{Deletion: receipt.ID}, err
	})
	switch {
	case err != nil:
		return 0, Deleted{}, err
	case earlier != nil: // the ids are not stored
		return receipt.Conversations, Deleted{IDs: []chat.ConversationID{}, Receipt: receipt}, nil
	}
	if len(deleted.IDs) > 0 {
		h.deleted()
	}
	return len(deleted.IDs), deleted, nil
}

// errCount is the cause of a refusal because the number differs.
var errCount = errors.New("another number of conversations")

func expect(expected *int, n int) error {
	if expected != nil && *expected != n {
		return fault.Wrap(fault.Conflict, errCount, "the filter matches %d conversations and %d were expected; nothing was deleted", n, *expected)
	}
	return nil
}

// liftExclusions is Access.LiftExclusions.
func (h *History) liftExclusions(ctx context.Context, ws chat.WorkspaceID, l chat.Lift) (lifted chat.Lifted, err error) {
	switch named := len(l.IDs) + len(l.ExternalIDs); {
	case named == 0:
		return chat.Lifted{}, fault.Breaks(fault.At("ids"), "or %s must name at least one conversation", fault.At("external ids"))
	case named > MaxDelete:
		return chat.Lifted{}, fault.Breaks(fault.At("ids"), "and %s must name at most %d conversations, got %d; lift the rest in another request", fault.At("external ids"), MaxDelete, named)
	}
	if l.Platform == "" {
		l.Platform = chat.DefaultPlatform
	}
	l.IDs = fold(l.IDs)
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		if lifted.Conversations, err = tx.LiftExclusions(ws, l); err != nil {
			return err
		}
		lifted.Messages, err = tx.LiftForgotten(ws, l)
		return err
	})
	return lifted, err
}
