package history

import (
	"context"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// MaxDeleteUnchanged is the maximum number of conversations of one DeleteUnchanged.
const MaxDeleteUnchanged = 100_000

// deleteUnchanged is Access.DeleteUnchanged.
func (h *History) deleteUnchanged(ctx context.Context, ws chat.WorkspaceID, d chat.UnchangedDelete, k keyed) (deleted Deleted, err error) {
	switch n := len(d.Seen); {
	case n == 0:
		return Deleted{}, fault.Breaks(fault.At("seen"), "must name at least one conversation")
	case n > MaxDeleteUnchanged:
		return Deleted{}, fault.Breaks(fault.At("seen"), "must name at most %d conversations, got %d; delete the rest in another request", MaxDeleteUnchanged, n)
	}
	ids, revisions, err := seenRevisions(d.Seen)
	if err != nil || len(ids) == 0 {
		return Deleted{IDs: []chat.ConversationID{}}, err
	}
	earlier, receipt, err := h.deleteOnce(ctx, ws, k, func(tx *store.Tx) (store.Outcome, error) {
		locked, err := tx.LockRevisions(ws, ids)
		if err != nil {
			return store.Outcome{}, err
		}
		if err := errChanged(len(ids), changedAmong(ids, revisions, locked, d.IncludePinned)); err != nil {
			return store.Outcome{}, err
		}
		deletedIDs, receipt, err := tx.DeleteConversations(ws, ids, d.DeleteOptions)
		deleted = Deleted{IDs: inOrder(ids, deletedIDs), Receipt: receipt}
		return outcomeOf(ids, deletedIDs, receipt), err
	})
	switch {
	case err != nil:
		return Deleted{}, err
	case earlier != nil:
		return Deleted{IDs: deletedAmong(ids, *earlier), Receipt: receipt}, nil
	}
	if len(deleted.IDs) > 0 {
		h.deleted()
	}
	return deleted, nil
}

// seenRevisions returns the ids in canonical form and the revision of each. A malformed id
// counts as unknown, as in every delete.
func seenRevisions(seen []chat.Seen) (ids []chat.ConversationID, revisions map[chat.ConversationID]int64, err error) {
	revisions = make(map[chat.ConversationID]int64, len(seen))
	for _, s := range seen {
		id, ok := chat.ParseID(s.ID)
		if !ok {
			continue
		}
		before, twice := revisions[id]
		if twice && before != s.Revision {
			return nil, nil, fault.Breaks(fault.At("seen"), "names %s with the revisions %d and %d", id, before, s.Revision)
		}
		if !twice {
			ids, revisions[id] = append(ids, id), s.Revision
		}
	}
	return ids, revisions, nil
}

func changedAmong(ids []chat.ConversationID, revisions map[chat.ConversationID]int64, locked map[chat.ConversationID]chat.Conversation, pinnedToo bool) (changed []chat.Conversation) {
	for _, id := range ids {
		c, there := locked[id]
		if there && (c.Revision != revisions[id] || c.Pinned && !pinnedToo) {
			changed = append(changed, c)
		}
	}
	return changed
}

// errChanged returns nil when no conversation has changed.
func errChanged(of int, changed []chat.Conversation) error {
	if len(changed) == 0 {
		return nil
	}
	cause := &chat.ChangedError{Of: of, Changed: changed}
	return fault.Wrap(fault.Conflict, cause, "%s; nothing was deleted", cause)
}
