package postgres

import (
	"fmt"

	"github.com/pgvector/pgvector-go"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// DefaultExactLimit is how many vectors a search compares one by one. Above it an index
// over the workspace's own vectors is worth what it costs; below, comparing is as
// quick, and always right.
const DefaultExactLimit = 20_000

// Nearest compares one by one what is small, and asks the workspace's own index
// otherwise. While that is still being built, a search is slow rather than wrong.
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
		} // else the scan has ended among entries that do not count, or there are no more
	}
	return exact(db, q)
}

// enoughToTell is how many conversations mostly have, together, more passages than
// are compared one by one: then the others need not be counted.
const enoughToTell = 1000

// outgrown reports whether the passages that a query is about are too many to be
// compared one by one. The second count is made only when the first has not told.
func outgrown(db *gorm.DB, q dialect.VectorQuery) (large bool, err error) {
	all := dialect.Filtered(db, q.Workspace, q.Filter)
	some := db.Table("(?) AS conversations", all.Session(&gorm.Session{}).Select("chunk_count").Limit(enoughToTell))
	err = db.Raw("SELECT (?) > ? OR (?) > ?", dialect.CountPassages(some), q.ExactLimit, dialect.CountPassages(all), q.ExactLimit).Row().Scan(&large)
	return large, err
}

// exact sorts all vectors of the workspace by distance. No index is over the bare
// column, so no plan can take one. Vectors of another length, which cannot be
// compared, are left out first.
func exact(db *gorm.DB, q dialect.VectorQuery) ([]rank.Scored, error) {
	found, err := dialect.ScanScored(dialect.EmbeddingsOf(db, q).
		Select("embeddings.conversation_id, embeddings.position, embeddings.vector <=> ? AS distance", pgvector.NewHalfVector(q.Vector)).
		Order("distance, embeddings.conversation_id, embeddings.position").Limit(dialect.LegSize))
	for i := range found {
		found[i].Score = 1 - found[i].Score
	}
	return rank.Top(found, dialect.LegSize), err
}

// How an approximate search runs. It must find what exact search would, also
// while many of the index's entries belong to deleted rows, so it looks further
// than pgvector's defaults, and goes on until enough living rows are found. That
// the index is worth its while is decided before: a planner with old statistics
// must not sort everything instead.
const (
	annSettings = `SELECT set_config('hnsw.ef_search', '200', true),
		set_config('hnsw.iterative_scan', 'relaxed_order', true),
		set_config('hnsw.max_scan_tuples', '200000', true),
		set_config('enable_sort', 'off', true),
		set_config('plan_cache_mode', 'force_custom_plan', true)`
)

// approximate searches the workspace's own index. The plan must be made for the
// bound workspace, or PostgreSQL cannot tell that its partial index applies.
func (*Database) approximate(db *gorm.DB, q dialect.VectorQuery) ([]rank.Scored, error) {
	var found []rank.Scored
	err := db.Transaction(func(db *gorm.DB) error {
		if err := db.Exec(annSettings).Error; err != nil {
			return err
		}
		vector := pgvector.NewHalfVector(q.Vector)
		// The type's length is a number of ours: a type cannot be bound.
		column := fmt.Sprintf("CAST(embeddings.vector AS halfvec(%d))", len(q.Vector))
		query := dialect.EmbeddingsOf(db, q).Select("embeddings.conversation_id, embeddings.position, 1 - ("+column+" <=> ?) AS score", vector)
		var err error
		found, err = dialect.ScanScored(query.Clauses(clause.OrderBy{Expression: gorm.Expr(column+" <=> ?", vector)}).Limit(dialect.LegSize))
		return err
	})
	return rank.Top(found, dialect.LegSize), err
}
