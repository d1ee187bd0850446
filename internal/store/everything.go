package store

import (
	"slices"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// This file reads what an export of everything contains besides conversations, page by page.
// restore.go writes it into another database.

// TombstoneKey is the key of the hashes in tombstones. It is a secret of this database.
func (v *View) TombstoneKey() []byte { return slices.Clone(v.secret) }

// DeletedWorkspaces returns the numbers of workspaces that were deleted and have receipts left.
func (v *View) DeletedWorkspaces() ([]chat.WorkspaceID, error) {
	var numbers []chat.WorkspaceID
	err := v.db.Model(&deletionRow{}).Distinct("workspace_id").
		Where("NOT EXISTS (SELECT 1 FROM workspaces AS w WHERE w.id = deletions.workspace_id)").
		Order("workspace_id").Pluck("workspace_id", &numbers).Error
	return numbers, v.fault(err)
}

// ImportRecordsAfter returns up to n records of imports, ordered by id, after the given id or
// from the first one when after is empty. They do not say how far the index of their
// conversations is.
func (v *View) ImportRecordsAfter(ws chat.WorkspaceID, after string, n int) ([]chat.Import, error) {
	var rows []importRow
	err := following(v.imports(ws), "id", after).Order("id").Limit(n).Find(&rows).Error
	records := make([]chat.Import, len(rows))
	for i, r := range rows {
		records[i] = r.record()
	}
	return records, v.fault(err)
}

// DeletionsAfter returns up to n receipts, ordered by id, after the given id or from the first
// one when after is empty.
func (v *View) DeletionsAfter(ws chat.WorkspaceID, after chat.DeletionID, n int) ([]chat.Deletion, error) {
	var rows []deletionRow
	err := following(v.deletions(ws), "id", after).Order("id").Limit(n).Find(&rows).Error
	receipts := make([]chat.Deletion, len(rows))
	for i, r := range rows {
		receipts[i] = r.deletion()
	}
	return receipts, v.fault(err)
}

// TombstonesAfter returns up to n tombstones, ordered by the hash of the external id, after the
// given hash or from the first one when after is empty.
func (v *View) TombstonesAfter(ws chat.WorkspaceID, after []byte, n int) ([]chat.Tombstone, error) {
	var rows []tombstoneRow
	err := following(v.tombstones(ws), "external_hash", after).Order("external_hash").Limit(n).Find(&rows).Error
	tombstones := make([]chat.Tombstone, len(rows))
	for i, r := range rows {
		tombstones[i] = chat.Tombstone{
			ExternalHash: r.ExternalHash, ConversationHash: r.ConversationHash, DeletionID: r.DeletionID,
			Excluded: r.Excluded, SealedPlace: r.SealedPlace,
		}
	}
	return tombstones, v.fault(err)
}

// following limits a query to the rows after a value of a column; an empty value limits nothing.
func following[T ~string | ~[]byte](query *gorm.DB, column string, after T) *gorm.DB {
	if len(after) == 0 {
		return query
	}
	return query.Where(column+" > ?", after)
}

func (v *View) tombstones(ws chat.WorkspaceID) *gorm.DB {
	return v.db.Model(&tombstoneRow{}).Where("workspace_id = ?", int64(ws))
}

// IsEmpty reports whether a workspace has no conversations, imports, receipts and tombstones.
func (v *View) IsEmpty(ws chat.WorkspaceID) (bool, error) {
	for _, table := range []*gorm.DB{v.db.Model(&dialect.ConversationRow{}), v.db.Model(&importRow{}), v.db.Model(&deletionRow{}), v.db.Model(&tombstoneRow{})} {
		var found []int64
		if err := table.Where("workspace_id = ?", int64(ws)).Limit(1).Pluck("workspace_id", &found).Error; err != nil || len(found) > 0 {
			return false, v.fault(err)
		}
	}
	return true, nil
}
