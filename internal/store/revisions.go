package store

import (
	"slices"

	"gorm.io/gorm/clause"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// LockRevisions locks the conversations with these ids until the transaction ends. It
// returns those that exist, by id, with revision, title and pin only. The ids must be in
// canonical form.
func (tx *Tx) LockRevisions(ws chat.WorkspaceID, ids []chat.ConversationID) (map[chat.ConversationID]chat.Conversation, error) {
	locked, err := tx.LockConversations(ws, ids)
	if err != nil {
		return nil, err
	}
	// This must be a second statement: on PostgreSQL the one that waited for the locks
	// returns the rows as they were when it began.
	held := make(map[chat.ConversationID]chat.Conversation, len(locked))
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

// LockWorkspace locks a workspace and its conversations until the transaction ends:
// nobody can add, change or delete any. It returns their ids, revisions, titles and pins,
// in id order. NotFound when there is no such workspace.
func (tx *Tx) LockWorkspace(ws chat.WorkspaceID) ([]chat.Conversation, error) {
	if _, err := tx.lockWorkspaceRow(ws); err != nil {
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

// lockWorkspaceRow prevents new conversations, because their rows reference the workspace.
// Where each server has a copy of the row, SELECT FOR UPDATE locks one of the copies, and
// the receipt of a delete misses what is uploaded meanwhile. A change of a unique column
// locks all copies. The value must really change: otherwise PostgreSQL takes a weaker lock,
// which allows rows that reference the workspace. NotFound when there is no such workspace.
func (tx *Tx) lockWorkspaceRow(ws chat.WorkspaceID) (workspaceRow, error) {
	row, err := one[workspaceRow](&tx.View, tx.db.Where("id = ?", int64(ws)), fault.NotFoundf("there is no such workspace"))
	if err != nil {
		return row, err
	}
	for _, name := range []string{"locked " + chat.NewID(), row.Name} {
		res := tx.db.Model(&workspaceRow{}).Where("id = ?", int64(ws)).Update("name", name)
		if res.Error == nil && res.RowsAffected == 0 {
			return row, fault.NotFoundf("there is no such workspace") // deleted while this transaction waited
		}
		if res.Error != nil {
			return row, tx.fault(res.Error)
		}
	}
	return row, nil
}
