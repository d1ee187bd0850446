package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// One vector index for all workspaces would be wrong for the small ones: it finds the
// nearest vectors of all workspaces, few of which are theirs. It would also make every
// insert several times slower. So each large workspace has an HNSW index of its own, a
// partial index, and costs nothing for others.

// annIndexPrefix is the beginning of the name of every vector index; the rest identifies
// its space.
const annIndexPrefix = "embeddings_ann_"

func annIndexName(s dialect.VectorSpace) string {
	model := sha256.Sum256([]byte(s.Model))
	return fmt.Sprintf("%s%d_%d_%s", annIndexPrefix, s.Workspace, s.Dimensions, hex.EncodeToString(model[:4]))
}

// knownFor is how long searches use what they know about the indexes. Missing a new index
// makes a search slow, and so does looking for a dropped one; neither makes it wrong.
const knownFor = 5 * time.Second

// knownIndexes caches which vector indexes can be used. A search of a small workspace
// takes one millisecond, and a query for its index half of one.
type knownIndexes struct{ seen atomic.Pointer[seenIndexes] }

type seenIndexes struct {
	until time.Time
	names []string
}

// usable reports whether a valid index with this name exists.
func (k *knownIndexes) usable(db *gorm.DB, name string) (bool, error) {
	before := k.seen.Load()
	if before != nil && time.Now().Before(before.until) {
		return slices.Contains(before.names, name), nil
	}
	now := seenIndexes{until: time.Now().Add(knownFor)}
	err := db.Raw(`SELECT c.relname FROM pg_class AS c JOIN pg_index AS i ON i.indexrelid = c.oid
		WHERE starts_with(c.relname, ?) AND c.relnamespace = CAST(current_schema() AS regnamespace)
			AND i.indisvalid AND i.indisready`, annIndexPrefix).Scan(&now.names).Error
	if err != nil {
		return false, err
	}
	k.seen.CompareAndSwap(before, &now) // fails if something changed in the meantime
	return slices.Contains(now.names, name), nil
}

// changed makes the next search query the catalogue.
func (k *knownIndexes) changed() { k.seen.Store(&seenIndexes{}) }

// LargeSpaces counts the vectors of workspaces that may be large.
func (d *Database) LargeSpaces(ctx context.Context, above int) ([]dialect.VectorSpace, error) {
	ctx, cancel := d.config.Bounded(ctx)
	defer cancel()
	// Counters first, so that only the vectors of workspaces that may be large are counted.
	rows, err := d.pool.Query(ctx, `
		SELECT e.workspace_id, e.model, e.dimensions, count(*)
		FROM (SELECT workspace_id FROM conversations GROUP BY workspace_id HAVING sum(chunk_count) > $1) AS large
		JOIN embeddings AS e ON e.workspace_id = large.workspace_id
		GROUP BY e.workspace_id, e.model, e.dimensions HAVING count(*) > $1
		ORDER BY e.workspace_id, e.model`, above)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (space dialect.VectorSpace, err error) {
		return space, row.Scan(&space.Workspace, &space.Model, &space.Dimensions, &space.Vectors)
	})
}

// VectorIndexes reads the catalogue.
func (d *Database) VectorIndexes(ctx context.Context) ([]dialect.VectorIndex, error) {
	ctx, cancel := d.config.Bounded(ctx)
	defer cancel()
	rows, err := d.pool.Query(ctx, `
		SELECT c.relname, CAST(CAST(i.indrelid AS regclass) AS text), i.indisvalid AND i.indisready,
			EXISTS (SELECT FROM pg_stat_progress_create_index AS p WHERE p.index_relid = c.oid),
			pg_relation_size(c.oid), coalesce(obj_description(c.oid, 'pg_class'), '')
		FROM pg_class AS c JOIN pg_index AS i ON i.indexrelid = c.oid
		WHERE starts_with(c.relname, $1) AND c.relnamespace = CAST(current_schema() AS regnamespace)
		ORDER BY c.relname`, annIndexPrefix)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (x dialect.VectorIndex, err error) {
		if err := row.Scan(&x.Name, &x.Table, &x.Valid, &x.Building, &x.Bytes, &x.Model); err != nil {
			return x, err
		}
		_, err = fmt.Sscanf(strings.TrimPrefix(x.Name, annIndexPrefix), "%d_%d_", &x.Workspace, &x.Dimensions)
		return x, err
	})
}

// BuildVectorIndex creates the index concurrently: reads and writes continue. On a
// partitioned table it is on the partition of the workspace.
func (d *Database) BuildVectorIndex(ctx context.Context, space dialect.VectorSpace) error {
	defer d.indexes.changed()
	return d.maintain(ctx, func(conn *pgx.Conn) error {
		table, err := d.tableOf(ctx, conn, space)
		if err != nil {
			return err
		}
		name := pgx.Identifier{annIndexName(space)}.Sanitize()
		// A definition takes no bound values. The numbers are our own, the name of the
		// model is quoted, and the catalogue returns the table's name quoted.
		_, err = conn.Exec(ctx, fmt.Sprintf(
			`CREATE INDEX CONCURRENTLY %s ON %s USING hnsw ((CAST(vector AS halfvec(%d))) halfvec_cosine_ops)
			WHERE workspace_id = %d AND model = %s AND dimensions = %d`,
			name, table, space.Dimensions, space.Workspace, quoteLiteral(space.Model), space.Dimensions))
		if err != nil {
			return err
		}
		_, err = conn.Exec(ctx, fmt.Sprintf("COMMENT ON INDEX %s IS %s", name, quoteLiteral(space.Model)))
		if err != nil {
			return err
		}
		// Otherwise the planner's statistics would contain samples of vectors; see
		// migration 4.
		_, err = conn.Exec(ctx, fmt.Sprintf("ALTER INDEX %s ALTER COLUMN 1 SET STATISTICS 0", name))
		return err
	})
}

// tableOf returns the table for the index of a space: the partition of its workspace, if
// there are partitions. Distributed tables get an index on every shard, which is empty on
// all but one, because Citus knows the indexes of whole tables only.
func (d *Database) tableOf(ctx context.Context, conn *pgx.Conn, space dialect.VectorSpace) (table string, err error) {
	if d.distributed {
		return "embeddings", nil
	}
	err = conn.QueryRow(ctx, "SELECT CAST(CAST(tableoid AS regclass) AS text) FROM embeddings WHERE workspace_id = $1 LIMIT 1",
		int64(space.Workspace)).Scan(&table)
	return table, err
}

// DropVectorIndex drops the index concurrently: reads and writes continue.
func (d *Database) DropVectorIndex(ctx context.Context, index dialect.VectorIndex) error {
	defer d.indexes.changed()
	return d.maintain(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "DROP INDEX CONCURRENTLY IF EXISTS "+pgx.Identifier{index.Name}.Sanitize())
		return err
	})
}

// quoteLiteral writes a string constant (standard_conforming_strings is on since
// PostgreSQL 9.1, so a backslash means itself).
func quoteLiteral(s string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(s, "\x00", ""), "'", "''") + "'"
}
