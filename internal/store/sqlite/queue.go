package sqlite

import (
	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Claim updates the rows of a sub-select, which is safe because there is one writer.
func (*Database) Claim(db *gorm.DB, stage string, holder, now, leaseUntil int64, n int) ([]dialect.ClaimRow, error) {
	var rows []dialect.ClaimRow
	err := db.Raw(`
		UPDATE conversations SET index_state = 'indexing', holder = ?, run_after = ?, attempts = attempts + 1
		WHERE rowid IN (
			SELECT rowid FROM conversations
			WHERE index_state IN ('queued', 'indexing') AND run_after <= ? AND `+stage+`
			ORDER BY run_after LIMIT ?)
		RETURNING workspace_id, id, revision, attempts, recipe_id, indexed_revision`, holder, leaseUntil, now, n).Find(&rows).Error
	return rows, err
}

// ClaimBehind is Claim for one ready conversation.
func (*Database) ClaimBehind(db *gorm.DB, recipe, holder, now, leaseUntil int64) ([]dialect.ClaimRow, error) {
	var rows []dialect.ClaimRow
	err := db.Raw(`
		UPDATE conversations SET holder = ?, run_after = ?, attempts = attempts + 1
		WHERE rowid IN (
			SELECT rowid FROM conversations
			WHERE recipe_id = ? AND recipe_id > 0 AND run_after <= ? AND index_state = 'ready'
			ORDER BY run_after LIMIT 1)
		RETURNING workspace_id, id, revision, attempts, recipe_id, indexed_revision`, holder, leaseUntil, recipe, now).Find(&rows).Error
	return rows, err
}
