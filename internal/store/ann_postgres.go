package store

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
	"github.com/pgvector/pgvector-go"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/lethe-chat/lethe/internal/rank"
)

// One vector index for all workspaces is wrong for the small ones: it finds the
// nearest vectors of everybody, and few of them are theirs. It also makes every
// insert several times slower. So each workspace that has outgrown exact search
// gets an HNSW index of its own, as a partial index, and nobody else pays.

// annIndexPrefix begins the name of every such index; the rest says whose it is.
const annIndexPrefix = "embeddings_ann_"

func annIndexName(s VectorSpace) string {
	model := sha256.Sum256([]byte(s.Model))
	return fmt.Sprintf("%s%d_%d_%s", annIndexPrefix, s.Workspace, s.Dimensions, hex.EncodeToString(model[:4]))
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
func (postgresDialect) approximate(db *gorm.DB, q vectorQuery) ([]rank.Scored, error) {
	var found []rank.Scored
	err := db.Transaction(func(db *gorm.DB) error {
		if err := db.Exec(annSettings).Error; err != nil {
			return err
		}
		vector := pgvector.NewHalfVector(q.vector)
		// The type's length is a number of ours: a type cannot be bound.
		column := fmt.Sprintf("CAST(embeddings.vector AS halfvec(%d))", len(q.vector))
		query := embeddingsOf(db, q).Select("embeddings.conversation_id, embeddings.position, 1 - ("+column+" <=> ?) AS score", vector)
		var err error
		found, err = scanScored(query.Clauses(clause.OrderBy{Expression: gorm.Expr(column+" <=> ?", vector)}).Limit(LegSize))
		return err
	})
	return top(found, LegSize), err
}

// knownFor is how long searches go by what they know of the indexes. To compare all
// while another program has just built an index is slow, and so is to look for one
// that it has dropped; neither is wrong.
const knownFor = 5 * time.Second

// knownIndexes remembers which vector indexes can be used. A search of a small
// workspace takes a millisecond, and asking for its index half of one.
type knownIndexes struct{ seen atomic.Pointer[seenIndexes] }

type seenIndexes struct {
	until time.Time
	names []string
}

// usable reports whether there is a valid index of the name.
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
	k.seen.CompareAndSwap(before, &now) // fails when there was a change meanwhile
	return slices.Contains(now.names, name), nil
}

// changed makes the next search ask again.
func (k *knownIndexes) changed() { k.seen.Store(&seenIndexes{}) }

// advisoryKey names the maintenance of one database among its advisory locks:
// "lethe" in ASCII.
const advisoryKey = 0x6c65746865

// leadership is an advisory lock, which lives and dies with its connection.
type leadership struct{ conn *pgx.Conn }

// goodbye bounds what is done for politeness.
const goodbye = time.Second

func (postgresDialect) lead(ctx context.Context, s *Store) (Leadership, bool, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	conn, err := s.connect(ctx)
	if err != nil {
		return nil, false, err
	}
	l := &leadership{conn}
	var got bool
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", int64(advisoryKey)).Scan(&got); err != nil || !got {
		l.Release()
		return nil, false, err
	}
	return l, true, nil
}

func (l *leadership) Lost(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, postgresConnectTimeout)
	defer cancel()
	return l.conn.Ping(ctx) != nil
}

// Release closes the connection, and with it goes the lock.
func (l *leadership) Release() {
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	_ = l.conn.Close(ctx) // a broken connection has lost the lock already
}

// connect opens a connection beside the pool: what holds one for minutes must not
// take it from the requests.
func (s *Store) connect(ctx context.Context) (*pgx.Conn, error) {
	return pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
}

func (postgresDialect) largeSpaces(ctx context.Context, s *Store, above int) ([]VectorSpace, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	// Counters first: only workspaces that can be large have their vectors counted.
	rows, err := s.pool.Query(ctx, `
		SELECT e.workspace_id, e.model, e.dimensions, count(*)
		FROM (SELECT workspace_id FROM conversations GROUP BY workspace_id HAVING sum(chunk_count) > $1) AS large
		JOIN embeddings AS e ON e.workspace_id = large.workspace_id
		GROUP BY e.workspace_id, e.model, e.dimensions HAVING count(*) > $1
		ORDER BY e.workspace_id, e.model`, above)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (space VectorSpace, err error) {
		return space, row.Scan(&space.Workspace, &space.Model, &space.Dimensions, &space.Vectors)
	})
}

func (postgresDialect) vectorIndexes(ctx context.Context, s *Store) ([]VectorIndex, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	rows, err := s.pool.Query(ctx, `
		SELECT c.relname, CAST(CAST(i.indrelid AS regclass) AS text), i.indisvalid AND i.indisready,
			EXISTS (SELECT FROM pg_stat_progress_create_index AS p WHERE p.index_relid = c.oid),
			pg_relation_size(c.oid), coalesce(obj_description(c.oid, 'pg_class'), '')
		FROM pg_class AS c JOIN pg_index AS i ON i.indexrelid = c.oid
		WHERE starts_with(c.relname, $1) AND c.relnamespace = CAST(current_schema() AS regnamespace)
		ORDER BY c.relname`, annIndexPrefix)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (x VectorIndex, err error) {
		if err := row.Scan(&x.Name, &x.Table, &x.Valid, &x.Building, &x.Bytes, &x.Model); err != nil {
			return x, err
		}
		_, err = fmt.Sscanf(strings.TrimPrefix(x.Name, annIndexPrefix), "%d_%d_", &x.Workspace, &x.Dimensions)
		return x, err
	})
}

// buildVectorIndex creates the index concurrently: reads and writes go on. On a
// partitioned table it lies on the partition that has the workspace.
func (d postgresDialect) buildVectorIndex(ctx context.Context, s *Store, space VectorSpace) error {
	defer d.indexes.changed()
	return s.maintain(ctx, func(conn *pgx.Conn) error {
		var table string
		err := conn.QueryRow(ctx, "SELECT CAST(CAST(tableoid AS regclass) AS text) FROM embeddings WHERE workspace_id = $1 LIMIT 1",
			int64(space.Workspace)).Scan(&table)
		if err != nil {
			return err
		}
		name := pgx.Identifier{annIndexName(space)}.Sanitize()
		// Nothing in a definition can be bound. The numbers are ours, the model's
		// name is quoted, the table's comes quoted from the catalogue.
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
		// Or the planner's statistics would keep samples of the vectors; see migration 4.
		_, err = conn.Exec(ctx, fmt.Sprintf("ALTER INDEX %s ALTER COLUMN 1 SET STATISTICS 0", name))
		return err
	})
}

func (d postgresDialect) dropVectorIndex(ctx context.Context, s *Store, index VectorIndex) error {
	defer d.indexes.changed()
	return s.maintain(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "DROP INDEX CONCURRENTLY IF EXISTS "+pgx.Identifier{index.Name}.Sanitize())
		return err
	})
}

// maintenanceMemory lets an index of a few hundred thousand vectors be built in
// memory, which is many times faster than beyond it.
const maintenanceMemory = "512MB"

// maintain runs fn on a connection without time-outs: an index takes as long as
// it takes.
func (s *Store) maintain(ctx context.Context, fn func(*pgx.Conn) error) error {
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
		defer cancel()
		_ = conn.Close(closing) // nothing more is asked of it
	}()
	_, err = conn.Exec(ctx, `SELECT set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false),
		set_config('maintenance_work_mem', $1, false)`, maintenanceMemory)
	if err != nil {
		return err
	}
	return fn(conn)
}

// quoteLiteral writes a string constant (standard_conforming_strings is on since
// PostgreSQL 9.1, so a backslash means itself).
func quoteLiteral(s string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(s, "\x00", ""), "'", "''") + "'"
}
