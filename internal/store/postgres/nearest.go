package postgres

import (
	"fmt"

	"github.com/pgvector/pgvector-go"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// DefaultExactLimit is how many vectors a search compares one by one. Larger workspaces
// get an index. Below the limit the comparison is as fast, and always exact.
const DefaultExactLimit = 20_000

// Nearest compares the vectors of small workspaces one by one, and uses the index of
// large ones. Until that is built, a search is slow but correct.
func (d *Database) Nearest(db *gorm.DB, q dialect.VectorQuery) ([]rank.Scored, error) {
	indexed, err := d.indexes.usable(db, annIndexName(q.Space()))
	if err == nil && indexed {
		indexed, err = outgrown(db, q)
	}
	if err != nil {
		return nil, err
	}
	if indexed {
		found, err := d.approximate(db, q)
		if err != nil || len(found) == dialect.LegSize {
			return found, err
		} // otherwise the scan ended early, or there are fewer vectors
	}
	return exact(db, q)
}

// enoughToTell is a number of conversations that usually have more passages than are
// compared one by one. If there are as many, the others need not be counted.
const enoughToTell = 1000

// outgrown reports whether a query covers too many passages to compare one by one. It
// counts a second time only if the first count is not enough.
func outgrown(db *gorm.DB, q dialect.VectorQuery) (large bool, err error) {
	all := dialect.Filtered(db, q.Workspace, q.Filter)
	some := db.Table("(?) AS conversations", all.Session(&gorm.Session{}).Select("chunk_count").Limit(enoughToTell))
	err = db.Raw("SELECT (?) > ? OR (?) > ?", dialect.CountPassages(some), q.ExactLimit, dialect.CountPassages(all), q.ExactLimit).Row().Scan(&large)
	return large, err
}

// exact sorts all vectors of the workspace by distance. No index covers the bare column,
// so no plan can use one. Vectors with other dimensions are excluded first, because they
// cannot be compared.
func exact(db *gorm.DB, q dialect.VectorQuery) ([]rank.Scored, error) {
	found, err := dialect.ScanScored(dialect.EmbeddingsOf(db, q).
		Select("embeddings.conversation_id, embeddings.position, embeddings.vector <=> ? AS distance", pgvector.NewHalfVector(q.Vector)).
		Order("distance, embeddings.conversation_id, embeddings.position").Limit(dialect.LegSize))
	for i := range found {
		found[i].Score = 1 - found[i].Score
	}
	return rank.Top(found, dialect.LegSize), err
}

// Settings of an approximate search. It must find what the exact search finds, even if many entries of the index
// belong to deleted rows. So it examines more than pgvector's defaults, and continues until it has found enough rows
// that still exist. The use of the index was decided before, so the planner may not choose to sort.
const annSettings = `SELECT set_config('hnsw.ef_search', '200', true),
	set_config('hnsw.iterative_scan', 'relaxed_order', true),
	set_config('hnsw.max_scan_tuples', '200000', true),
	set_config('enable_sort', 'off', true),
	set_config('plan_cache_mode', 'force_custom_plan', true)`

// annSettingsSpread are the same settings for distributed tables. Only SET reaches the
// server that has the workspace, and only after the first of these.
var annSettingsSpread = []string{
	"SET LOCAL citus.propagate_set_commands = 'local'",
	"SET LOCAL hnsw.ef_search = 200",
	"SET LOCAL hnsw.iterative_scan = 'relaxed_order'",
	"SET LOCAL hnsw.max_scan_tuples = 200000",
	"SET LOCAL enable_sort = off",
	"SET LOCAL plan_cache_mode = 'force_custom_plan'",
}

func (d *Database) annSettings() []string {
	if d.distributed {
		return annSettingsSpread
	}
	return []string{annSettings}
}

// approximate searches the workspace's own index. The plan must be made for the actual
// workspace, or PostgreSQL cannot see that the partial index applies.
func (d *Database) approximate(db *gorm.DB, q dialect.VectorQuery) ([]rank.Scored, error) {
	var found []rank.Scored
	err := db.Transaction(func(db *gorm.DB) error {
		for _, setting := range d.annSettings() {
			if err := db.Exec(setting).Error; err != nil {
				return err
			}
		}
		vector := pgvector.NewHalfVector(q.Vector)
		// A type cannot be bound. Its length is our own number.
		column := fmt.Sprintf("CAST(embeddings.vector AS halfvec(%d))", len(q.Vector))
		query := dialect.EmbeddingsOf(db, q).Select("embeddings.conversation_id, embeddings.position, 1 - ("+column+" <=> ?) AS score", vector)
		var err error
		found, err = dialect.ScanScored(query.Clauses(clause.OrderBy{Expression: gorm.Expr(column+" <=> ?", vector)}).Limit(dialect.LegSize))
		return err
	})
	return rank.Top(found, dialect.LegSize), err
}
