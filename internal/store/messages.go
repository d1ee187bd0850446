package store

import (
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

func (tx *Tx) insertMessages(ws chat.WorkspaceID, conversations ...chat.Transcript) error {
	var rows []dialect.MessageRow
	for _, c := range conversations {
		for _, m := range c.Turns {
			rows = append(rows, newMessageRow(ws, c.ID, m))
		}
	}
	return tx.fault(tx.database.InsertMessages(tx.db, rows))
}

// rewriteMessages updates the edited messages that stayed in their place, and
// replaces everything from the first place whose message is another one.
func (tx *Tx) rewriteMessages(ws chat.WorkspaceID, conversation string, m chat.Merged) error {
	for _, msg := range m.Edited {
		if msg.Position >= m.RewriteFrom {
			continue
		}
		row := newMessageRow(ws, conversation, msg)
		err := tx.db.Model(&dialect.MessageRow{}).
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
		Delete(&dialect.MessageRow{}).Error
	if err != nil {
		return tx.fault(err)
	}
	rewritten := chat.Transcript{Turns: m.Messages[m.RewriteFrom:]}
	rewritten.ID = conversation
	return tx.insertMessages(ws, rewritten)
}
