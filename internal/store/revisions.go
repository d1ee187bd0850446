package store

import (
	"slices"

	"gorm.io/gorm/clause"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// LockRevisions returns those of the ids that the workspace has, by id, with
// their revision, title and pin alone, and holds them until the transaction ends.
// The ids must be in canonical form.
func (tx *Tx) LockRevisions(ws chat.WorkspaceID, ids []string) (map[string]chat.Conversation, error) {
	locked, err := tx.LockConversations(ws, ids)
	if err != nil {
		return nil, err
	}
	// A statement of its own: PostgreSQL shows the one that waits for the locks the
	// rows as they were when it began.
	held := make(map[string]chat.Conversation, len(locked))
	for batch := range slices.Chunk(locked, idBatch) {
		var rows []dialect.ConversationRow
		err := tx.db.Select("id", "revision", "title", "pinned").
			Where("workspace_id = ? AND id IN ?", int64(ws), batch).Find(&rows).Error
		if err != nil {
			return nil, tx.fault(err)
		}
		for _, r := range rows {
			held[r.ID] = conversationOf(r)
		}
	}
	return held, nil
}

// LockWorkspace holds a workspace and its conversations until the transaction
// ends: none is added, changed or deleted meanwhile. It returns their ids,
// revisions, titles and pins, in id order. NotFound when there is no such
// workspace.
func (tx *Tx) LockWorkspace(ws chat.WorkspaceID) ([]chat.Conversation, error) {
	if err := tx.lockWorkspaceRow(ws); err != nil {
		return nil, err
	}
	var rows []dialect.ConversationRow
	err := tx.db.Select("id", "revision", "title", "pinned").Clauses(clause.Locking{Strength: "UPDATE"}).
		Where("workspace_id = ?", int64(ws)).Order("id").Find(&rows).Error
	held := make([]chat.Conversation, len(rows))
	for i, r := range rows {
		held[i] = conversationOf(r)
	}
	return held, tx.fault(err)
}

// lockWorkspaceRow keeps new conversations out: uploads hold the workspace while
// they add to it.
func (tx *Tx) lockWorkspaceRow(ws chat.WorkspaceID) error {
	_, err := one[workspaceRow](&tx.View, tx.db.Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", int64(ws)),
		fault.NotFoundf("there is no such workspace"))
	return err
}
