package store

import (
	"context"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Prove searches every table for anything that is left of a delete, in any workspace.
// It returns the receipt and one finding per table. Receipt and tombstones contain only
// keyed hashes of ids, so Prove hashes the ids of all rows and compares them. A
// deleted workspace must have no rows at all. NotFound when there is no such receipt.
func (s *Store) Prove(ctx context.Context, id chat.DeletionID) (receipt chat.Deletion, findings []Finding, err error) {
	asked := id
	id, ok := chat.ParseID(asked)
	if !ok {
		return receipt, nil, fault.NotFoundf("there is no receipt %q; a receipt is named by its id", asked)
	}
	err = s.Snapshot(ctx, func(v *View) error {
		row, err := one[deletionRow](v, v.db.Where("id = ?", id), fault.NotFoundf("there is no receipt %q", id))
		if err != nil {
			return err
		}
		receipt = row.deletion()
		findings, err = v.remains(chat.WorkspaceID(row.WorkspaceID), id)
		return v.fault(err)
	})
	if err != nil {
		return receipt, nil, err
	}
	indexes, err := s.database.Examine(ctx) // a broken index may still have entries of deleted rows
	return receipt, append(findings, indexes...), s.fault(err)
}

// remains searches every table that contains a part of a conversation.
func (v *View) remains(ws chat.WorkspaceID, receipt chat.DeletionID) ([]Finding, error) {
	var exists int64
	if err := v.db.Model(&workspaceRow{}).Where("id = ?", int64(ws)).Count(&exists).Error; err != nil {
		return nil, err
	}
	deleted, err := v.recognized(ws, receipt)
	if err != nil {
		return nil, err
	}
	var findings []Finding
	for _, place := range []struct{ table, column string }{
		{"conversations", "id"}, {"messages", "conversation_id"}, {"chunks", "conversation_id"}, {"embeddings", "conversation_id"},
		{"idempotent_uploads", "conversation_id"},
	} {
		n, err := v.countMatching(ws, place.table, place.column, func(id chat.ConversationID) bool {
			return exists == 0 || deleted[string(v.conversationHash(id))]
		})
		if err != nil {
			return nil, err
		}
		findings = append(findings, Finding{
			Check: "remaining " + place.table, Count: n, Detail: "conversations that were deleted and still have rows in this table",
		})
	}
	n, err := v.remainingMessages(ws, receipt)
	if err != nil {
		return nil, err
	}
	return append(findings, Finding{
		Check: "remaining single messages", Count: n, Detail: "messages that were deleted one by one and are still stored",
	}), nil
}

// remainingMessages counts the messages that a delete of single messages removed and that
// are stored nevertheless. A message that was uploaded again after a lift has a new id.
func (v *View) remainingMessages(ws chat.WorkspaceID, receipt chat.DeletionID) (int, error) {
	var rows []messageTombstoneRow
	err := v.db.Where("workspace_id = ? AND deletion_id = ?", int64(ws), receipt).Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	deleted, of := map[string]bool{}, map[string]bool{}
	for _, r := range rows {
		deleted[string(r.MessageHash)], of[string(r.ExternalHash)] = true, true
	}
	var stored []dialect.ConversationRow
	if err := v.db.Select("id", "platform", "external_id").Where("workspace_id = ?", int64(ws)).Find(&stored).Error; err != nil {
		return 0, err
	}
	n := 0
	for _, c := range stored {
		if !of[string(v.externalHash(c.Platform, c.ExternalID))] {
			continue
		}
		var ids []string
		err := v.db.Model(&dialect.MessageRow{}).Where("workspace_id = ? AND conversation_id = ?", int64(ws), c.ID).Pluck("id", &ids).Error
		if err != nil {
			return 0, err
		}
		for _, id := range ids {
			if deleted[string(v.messageHash(chat.Origin{Platform: c.Platform, ExternalID: c.ExternalID}, ownMessageID, id))] {
				n++
			}
		}
	}
	return n, nil
}

// recognized returns the hashes of the conversations that a delete removed, except those
// that were uploaded again and have a new id now.
func (v *View) recognized(ws chat.WorkspaceID, receipt chat.DeletionID) (map[string]bool, error) {
	var rows []tombstoneRow
	err := v.db.Where("workspace_id = ? AND deletion_id = ?", int64(ws), receipt).Find(&rows).Error
	deleted := make(map[string]bool, len(rows))
	for _, r := range rows {
		deleted[string(r.ConversationHash)] = true
	}
	return deleted, err
}

// countMatching counts the conversations of a table whose ids match.
func (v *View) countMatching(ws chat.WorkspaceID, table, column string, matches func(id chat.ConversationID) bool) (int, error) {
	rows, err := v.db.Table(table).Where("workspace_id = ?", int64(ws)).Distinct(column).Rows()
	if err != nil {
		return 0, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err has the error
	n := 0
	for rows.Next() {
		var id chat.ConversationID
		if err := rows.Scan(&id); err != nil {
			return 0, err
		}
		if matches(id) {
			n++
		}
	}
	return n, rows.Err()
}
