package history

import (
	"context"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// MaxBulkDelete is the maximum number of ids of one bulk delete (Fini, "Bulk delete
// conversations").
const MaxBulkDelete = 50

// BulkDelete is a delete of several conversations that also reports the missing ones.
type BulkDelete struct {
	IDs    []chat.ConversationID
	Atomic bool // delete nothing unless all of them exist
}

// BulkDeleted is the result of a BulkDelete: both lists are in the order of the request,
// without repeated ids, and never nil.
type BulkDeleted struct {
	Deleted []chat.ConversationID
	Missing []chat.ConversationID // unknown, deleted before, or in another workspace; the caller cannot tell which
}

// deleteBulk is Access.DeleteBulk.
func (h *History) deleteBulk(ctx context.Context, ws chat.WorkspaceID, b BulkDelete, o chat.DeleteOptions, k keyed) (BulkDeleted, error) {
	asked, err := bulkIDs(b.IDs)
	if err != nil {
		return BulkDeleted{}, err
	}
	if b.Atomic {
		return h.deleteTogether(ctx, ws, asked, o, k)
	}
	done, err := h.deleteConversations(ctx, ws, asked, o, k)
	return BulkDeleted{Deleted: done.IDs, Missing: without(asked, done.IDs)}, err
}

// bulkIDs makes the ids canonical.
func bulkIDs(ids []chat.ConversationID) ([]chat.ConversationID, error) {
	at := fault.At("ids")
	if n := len(ids); n < 1 || n > MaxBulkDelete {
		return nil, fault.Breaks(at, "must have 1 to %d items, got %d", MaxBulkDelete, n)
	}
	var found fault.Problems
	first := make(map[chat.ConversationID]int, len(ids))
	asked := make([]chat.ConversationID, len(ids))
	for i, id := range ids {
		canonical, ok := chat.ParseID(id)
		if !ok {
			found.Add(at.Item(i), "is not a UUID")
			continue
		}
		if j, dup := first[canonical]; dup {
			found.Add(at.Item(i), "is the same as %s", at.Item(j))
			continue
		}
		first[canonical], asked[i] = i, canonical
	}
	return asked, found.Err()
}

// deleteTogether deletes all of the ids or none. It checks that all exist under the locks of
// the delete, because an earlier check could be out of date when the rows are deleted.
func (h *History) deleteTogether(ctx context.Context, ws chat.WorkspaceID, asked []chat.ConversationID, o chat.DeleteOptions, k keyed) (BulkDeleted, error) {
	var answer BulkDeleted
	earlier, _, err := h.deleteOnce(ctx, ws, k, func(tx *store.Tx) (store.Outcome, error) {
		locked, err := tx.LockConversations(ws, asked)
		if err != nil {
			return store.Outcome{}, err
		}
		answer = BulkDeleted{Deleted: []chat.ConversationID{}, Missing: without(asked, locked)}
		if len(answer.Missing) > 0 {
			return outcomeOf(asked, locked, chat.Deletion{}), nil
		}
		deletedIDs, receipt, err := tx.DeleteConversations(ws, asked, o)
		if err == nil && len(deletedIDs) != len(asked) { // no other transaction can delete locked rows
			err = fault.New(fault.Internal, "%d of %d locked conversations were deleted", len(deletedIDs), len(asked))
		}
		answer.Deleted = asked
		return outcomeOf(asked, asked, receipt), err
	})
	switch {
	case err != nil:
		return BulkDeleted{}, err
	case earlier != nil:
		return togetherAgain(asked, *earlier), nil
	}
	if len(answer.Deleted) > 0 {
		h.deleted()
	}
	return answer, nil
}

// togetherAgain answers an atomic delete again. Its outcome has a bit for each id that existed, and
// no receipt if one was missing.
func togetherAgain(asked []chat.ConversationID, o store.Outcome) BulkDeleted {
	answer := BulkDeleted{Deleted: []chat.ConversationID{}, Missing: without(asked, deletedAmong(asked, o))}
	if o.Deletion != "" {
		answer.Deleted = asked
	}
	return answer
}

// without returns the ids that are not in taken, in order.
func without(ids, taken []chat.ConversationID) []chat.ConversationID {
	isTaken := make(map[chat.ConversationID]bool, len(taken))
	for _, id := range taken {
		isTaken[id] = true
	}
	rest := []chat.ConversationID{}
	for _, id := range ids {
		if !isTaken[id] {
			rest = append(rest, id)
		}
	}
	return rest
}
