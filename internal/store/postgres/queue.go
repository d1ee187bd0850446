package postgres

import (
	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Claim skips conversations that another worker is claiming, in this program or another
// one.
func (*Database) Claim(db *gorm.DB, stage string, holder, now, leaseUntil int64, n int) ([]dialect.ClaimRow, error) {
	var rows []dialect.ClaimRow
	err := db.Raw(`
		WITH due AS (
			SELECT workspace_id, id FROM conversations
			WHERE index_state IN ('queued', 'indexing') AND run_after <= ? AND `+stage+`
			ORDER BY run_after LIMIT ? FOR UPDATE SKIP LOCKED)
		UPDATE conversations AS c SET index_state = 'indexing', holder = ?, run_after = ?, attempts = c.attempts + 1
		FROM due WHERE c.workspace_id = due.workspace_id AND c.id = due.id
		RETURNING c.workspace_id, c.id, c.revision, c.attempts, c.recipe_id, c.indexed_revision`, now, n, holder, leaseUntil).Find(&rows).Error
	return rows, err
}

// ClaimBehind is Claim for one ready conversation.
func (*Database) ClaimBehind(db *gorm.DB, recipe, holder, now, leaseUntil int64) ([]dialect.ClaimRow, error) {
	var rows []dialect.ClaimRow
	err := db.Raw(`
		WITH due AS (
			SELECT workspace_id, id FROM conversations
			WHERE recipe_id = ? AND recipe_id > 0 AND run_after <= ? AND index_state = 'ready'
			ORDER BY run_after LIMIT 1 FOR UPDATE SKIP LOCKED)
		UPDATE conversations AS c SET holder = ?, run_after = ?, attempts = c.attempts + 1
		FROM due WHERE c.workspace_id = due.workspace_id AND c.id = due.id
		RETURNING c.workspace_id, c.id, c.revision, c.attempts, c.recipe_id, c.indexed_revision`, recipe, now, holder, leaseUntil).Find(&rows).Error
	return rows, err
}
