package history

import (
	"context"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// MaxDelete is how many ids one delete takes.
const MaxDelete = 10_000

// Deleted tells which of the asked-for conversations a delete removed.
type Deleted struct {
	IDs []string // in the order of the request; empty, never nil
}

// DeleteConversations removes conversations with their messages, chunks and
// vectors, in one transaction: all that the workspace has of the ids, or, after
// an error, none. Ids that repeat count once; those that are unknown, malformed,
// another workspace's or deleted before are left out of the answer, so of two
// deletes of one id exactly one reports it. Pinned conversations go like any
// other. Invalid when there is no id, or more than MaxDelete.
func (h *History) DeleteConversations(ctx context.Context, ws chat.WorkspaceID, ids []string) (Deleted, error) {
	switch n := len(ids); {
	case n == 0:
		return Deleted{}, fault.Invalidf("ids must name at least one conversation")
	case n > MaxDelete:
		return Deleted{}, fault.Invalidf("ids must name at most %d conversations, got %d; delete the rest in another request", MaxDelete, n)
	}
	asked := fold(ids)
	if len(asked) == 0 {
		return Deleted{IDs: []string{}}, nil
	}
	var gone []string
	err := h.store.InTx(ctx, func(tx *store.Tx) (err error) {
		gone, err = tx.DeleteConversations(ws, asked)
		return err
	})
	if err != nil {
		return Deleted{}, err
	}
	return Deleted{IDs: inOrder(asked, gone)}, nil
}

// fold makes ids canonical and drops repeated and malformed ones.
func fold(ids []string) []string {
	seen := make(map[string]bool, len(ids))
	folded := make([]string, 0, len(ids))
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

func inOrder(asked, gone []string) []string {
	wasThere := make(map[string]bool, len(gone))
	for _, id := range gone {
		wasThere[id] = true
	}
	ordered := make([]string, 0, len(gone))
	for _, id := range asked {
		if wasThere[id] {
			ordered = append(ordered, id)
		}
	}
	return ordered
}
