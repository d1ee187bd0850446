package history

import (
	"context"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// MaxDelete is the maximum number of ids of one delete.
const MaxDelete = 10_000

// Deleted is the result of a delete.
type Deleted struct {
	IDs     []chat.ConversationID // in the order of the request; empty, never nil
	Receipt chat.Deletion         // the zero value when nothing was deleted
}

// deleteConversations is Access.DeleteConversations.
func (h *History) deleteConversations(ctx context.Context, ws chat.WorkspaceID, ids []chat.ConversationID, o chat.DeleteOptions, k keyed) (Deleted, error) {
	switch n := len(ids); {
	case n == 0:
		return Deleted{}, fault.Breaks(fault.At("ids"), "must name at least one conversation")
	case n > MaxDelete:
		return Deleted{}, fault.Breaks(fault.At("ids"), "must name at most %d conversations, got %d; delete the rest in another request", MaxDelete, n)
	}
	asked := fold(ids)
	if len(asked) == 0 {
		return Deleted{IDs: []chat.ConversationID{}}, nil
	}
	var deletedIDs []chat.ConversationID
	var receipt chat.Deletion
	earlier, earlierReceipt, err := h.deleteOnce(ctx, ws, k, func(tx *store.Tx) (_ store.Outcome, err error) {
		deletedIDs, receipt, err = tx.DeleteConversations(ws, asked, o)
		return outcomeOf(asked, deletedIDs, receipt), err
	})
	switch {
	case err != nil:
		return Deleted{}, err
	case earlier != nil:
		return Deleted{IDs: deletedAmong(asked, *earlier), Receipt: earlierReceipt}, nil
	}
	if len(deletedIDs) > 0 {
		h.deleted()
	}
	return Deleted{IDs: inOrder(asked, deletedIDs), Receipt: receipt}, nil
}

// reclaimPause is how long a waiting delete waits after a reclaim that could not be
// completed, usually because another transaction still reads an older state.
const reclaimPause = 100 * time.Millisecond

// awaitReclaimed is Access.AwaitReclaimed.
func (h *History) awaitReclaimed(ctx context.Context, ws chat.WorkspaceID, receipt chat.Deletion) (chat.Deletion, error) {
	var err error
	for again := receipt.ReclaimedAt == nil; again && err == nil; {
		receipt, again, err = h.reclaimAndRead(ctx, ws, receipt)
	}
	return receipt, err
}

// reclaimAndRead asks for one reclaim and reads the receipt again. again reports that the
// storage is not reclaimed yet and that the caller should ask once more. It is false after
// ctx ended or when the service stops: then the receipt is as good as it gets.
func (h *History) reclaimAndRead(ctx context.Context, ws chat.WorkspaceID, receipt chat.Deletion) (now chat.Deletion, again bool, err error) {
	// Any other error of the reclaim is in the log; only the receipt says what is done.
	if stopping := fault.Is(h.reclaim(ctx), fault.Canceled); stopping || ended(ctx) {
		return receipt, false, nil
	}
	now, err = h.store.View(ctx).Deletion(ws, receipt.ID)
	switch {
	case ended(ctx):
		return receipt, false, nil
	case err != nil:
		return receipt, false, err
	case now.ReclaimedAt != nil:
		return now, false, nil
	}
	select {
	case <-ctx.Done():
	case <-time.After(reclaimPause):
	}
	return now, true, nil
}

func ended(ctx context.Context) bool { return ctx.Err() != nil }

// deletion is Access.Deletion.
func (h *History) deletion(ctx context.Context, ws chat.WorkspaceID, id chat.DeletionID) (chat.Deletion, error) {
	id, ok := chat.ParseID(id)
	if !ok {
		return chat.Deletion{}, fault.Missing("deletion")
	}
	return h.store.View(ctx).Deletion(ws, id)
}

// fold makes ids canonical and removes repeated and malformed ones.
func fold[ID ~string](ids []ID) []ID {
	seen := make(map[ID]bool, len(ids))
	folded := make([]ID, 0, len(ids))
	for _, id := range ids {
		canonical, ok := chat.ParseID(id)
		if !ok || seen[canonical] {
			continue
		}
		seen[canonical] = true
		folded = append(folded, canonical)
	}
	return folded
}

func inOrder[ID comparable](asked, deletedIDs []ID) []ID {
	wasThere := make(map[ID]bool, len(deletedIDs))
	for _, id := range deletedIDs {
		wasThere[id] = true
	}
	ordered := make([]ID, 0, len(deletedIDs))
	for _, id := range asked {
		if wasThere[id] {
			ordered = append(ordered, id)
		}
	}
	return ordered
}
