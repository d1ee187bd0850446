package store

import (
	"slices"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// LockConversations locks the conversations with these ids until the transaction ends, and returns the ids that
// exist, in order. No other transaction can change or delete them. The ids must be in canonical form.
func (tx *Tx) LockConversations(ws chat.WorkspaceID, ids []chat.ConversationID) ([]chat.ConversationID, error) {
	var held []chat.ConversationID
	for batch := range slices.Chunk(slices.Sorted(slices.Values(ids)), deleteBatch) {
		var found []chat.ConversationID
		err := tx.db.Model(&dialect.ConversationRow{}).Where("workspace_id = ?", int64(ws)).Where(tx.database.LockedIn(ws, batch)).
			Order("id").Pluck("id", &found).Error
		if err != nil {
			return nil, tx.fault(err)
		}
		held = append(held, found...)
	}
	return held, nil
}
