package store

import (
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

func (tx *Tx) insertMessages(ws chat.WorkspaceID, conversations ...chat.Transcript) error {
	var rows []dialect.MessageRow
	for _, c := range conversations {
		for _, m := range c.Turns {
			if chat.IsAbridged(m.Text) {
				return fault.New(fault.Internal, "an abridged text was to be stored")
			}
			rows = append(rows, newMessageRow(ws, c.ID, m))
		}
	}
	return tx.fault(tx.database.InsertMessages(tx.db, rows))
}

// rewriteMessages updates edited messages, moves messages whose position changed, and
// inserts new ones.
func (tx *Tx) rewriteMessages(ws chat.WorkspaceID, conversation chat.ConversationID, m chat.Merged) error {
	for _, msg := range m.Edited {
		if msg.Position >= m.RewriteFrom {
			continue
		}
		if err := tx.rewrite(newMessageRow(ws, conversation, msg)); err != nil {
			return err
		}
	}
	if m.RewriteFrom == m.Count() {
		return nil
	}
	return tx.rearrange(ws, conversation, m)
}

// rewrite updates the message at a position. If its text is abridged, the stored text is
// kept, because only other fields have changed.
func (tx *Tx) rewrite(row dialect.MessageRow) error {
	changes := map[string]any{
		"external_id": row.ExternalID, "sender": row.Sender,
		"created_at": row.CreatedAt, "branch": row.Branch, "hidden": row.Hidden,
		"inferred": row.Inferred, "files": row.Files,
	}
	if !chat.IsAbridged(row.Text) {
		changes["text"] = row.Text
	}
	return tx.fault(tx.db.Model(&dialect.MessageRow{}).
		Where("workspace_id = ? AND conversation_id = ? AND position = ?", row.WorkspaceID, row.ConversationID, row.Position).
		Updates(changes).Error)
}
