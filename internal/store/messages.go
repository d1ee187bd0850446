package store

import "github.com/lethe-chat/lethe/internal/chat"

// messageBatch is how many messages one INSERT carries: ten values each, far
// below the 32,766 that SQLite binds.
const messageBatch = 200

func (tx *Tx) insertMessages(ws chat.WorkspaceID, conversation string, turns []chat.Message) error {
	if len(turns) == 0 {
		return nil
	}
	rows := make([]messageRow, len(turns))
	for i, m := range turns {
		rows[i] = newMessageRow(ws, conversation, m)
	}
	return tx.fault(tx.db.CreateInBatches(rows, messageBatch).Error)
}

// rewriteMessages updates the edited messages that stayed in their place, and
// replaces everything from the first place whose message is another one.
func (tx *Tx) rewriteMessages(ws chat.WorkspaceID, conversation string, m chat.Merged) error {
	for _, msg := range m.Edited {
		if msg.Position >= m.RewriteFrom {
			continue
		}
		row := newMessageRow(ws, conversation, msg)
		err := tx.db.Model(&messageRow{}).
			Where("workspace_id = ? AND conversation_id = ? AND position = ?", row.WorkspaceID, conversation, row.Position).
			Updates(map[string]any{
				"external_id": row.ExternalID, "sender": row.Sender, "text": row.Text,
				"created_at": row.CreatedAt, "branch": row.Branch, "hidden": row.Hidden,
			}).Error
		if err != nil {
			return tx.fault(err)
		}
	}
	if m.RewriteFrom == len(m.Messages) {
		return nil
	}
	err := tx.db.Where("workspace_id = ? AND conversation_id = ? AND position >= ?", int64(ws), conversation, m.RewriteFrom).
		Delete(&messageRow{}).Error
	if err != nil {
		return tx.fault(err)
	}
	return tx.insertMessages(ws, conversation, m.Messages[m.RewriteFrom:])
}
