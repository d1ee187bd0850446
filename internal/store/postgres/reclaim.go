package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// reclaimTables are the tables that deletes take rows from, those of whole
// workspaces included.
var reclaimTables = []string{
	"conversations", "messages", "chunks", "embeddings",
	"imports", "platforms", "api_keys", "tombstones", "workspaces",
}

// Reclaim frees the space of deleted rows for new ones, removes their index entries,
// and renews the planner's statistics from the remaining rows. Only the full form
// rewrites the files. It never pauses, because no step of it keeps others from writing.
func (d *Database) Reclaim(ctx context.Context, how dialect.Reclaiming) error {
	return d.maintain(ctx, func(conn *pgx.Conn) error {
		if err := awaitReaders(ctx, conn, how.Full); err != nil {
			return err
		}
		command := "VACUUM (FULL, ANALYZE) "
		if !how.Full {
			command = "VACUUM (ANALYZE) "
			if err := d.reindexVectors(ctx, conn); err != nil {
				return err
			}
		}
		for _, table := range reclaimTables {
			if _, err := conn.Exec(ctx, command+table); err != nil {
				return err
			}
		}
		if how.Full {
			return rewriteStatistics(ctx, conn)
		}
		return reindexTerms(ctx, conn)
	})
}

// rewriteStatistics rewrites the table in which the planner keeps samples of the
// columns' values: ids among them, no texts (migration 4). An owner of the database
// may; whoever may not is told nothing but a warning by PostgreSQL.
func rewriteStatistics(ctx context.Context, conn *pgx.Conn) error {
	const file = "SELECT pg_relation_filenode('pg_statistic')"
	var before, after uint32
	if err := conn.QueryRow(ctx, file).Scan(&before); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "VACUUM (FULL) pg_statistic"); err != nil {
		return err
	}
	if err := conn.QueryRow(ctx, file).Scan(&after); err != nil {
		return err
	}
	if before == after {
		return fault.New(fault.Unavailable, "the tables are rewritten, but not pg_statistic, which may still hold ids of what was deleted: "+
			"let the owner of the database run VACUUM (FULL) pg_statistic")
	}
	return nil
}

// How long transactions are waited for that began before the last deletes, and how
// often they are looked for. Whoever has the tables rewritten has time.
const (
	readersPatience     = 5 * time.Second
	readersPatienceFull = time.Minute
	readersPoll         = 50 * time.Millisecond
)

// awaitReaders waits until nobody can see what was deleted before it was called.
// PostgreSQL keeps a deleted row as long as any transaction might: a vacuum steps
// over it, and a rewrite copies it. dialect.ErrReadersLeft when they take too long.
func awaitReaders(ctx context.Context, conn *pgx.Conn, full bool) error {
	var next uint32 // every delete that was committed has a smaller number
	if err := conn.QueryRow(ctx, "SELECT xid(pg_snapshot_xmax(pg_current_snapshot()))").Scan(&next); err != nil {
		return err
	}
	wait := readersPatience
	if full {
		wait = readersPatienceFull
	}
	patience := time.NewTimer(wait)
	defer patience.Stop()
	ticker := time.NewTicker(readersPoll)
	defer ticker.Stop()
	for {
		var left bool
		if err := conn.QueryRow(ctx, readersLeft, next, full).Scan(&left); err != nil || !left {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-patience.C:
			return dialect.ErrReadersLeft
		case <-ticker.C:
		}
	}
}

// readersLeft asks whether anything holds back a vacuum: a transaction in this
// database, a standby or a slot that feeds one, a prepared transaction. A rewrite
// also minds the writers of other databases. (PostgreSQL, ComputeXidHorizons in
// procarray.c: a plain vacuum, other people's among them, holds nothing back.)
const readersLeft = `SELECT EXISTS (
	SELECT FROM (
		SELECT backend_xmin AS oldest FROM pg_stat_activity
			WHERE pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker' AND (datname = current_database() OR backend_type = 'walsender')
		UNION ALL SELECT backend_xid FROM pg_stat_activity
			WHERE pid <> pg_backend_pid() AND (datname = current_database() OR $2)
		UNION ALL SELECT xmin FROM pg_replication_slots
		UNION ALL SELECT catalog_xmin FROM pg_replication_slots WHERE $2
		UNION ALL SELECT transaction FROM pg_prepared_xacts WHERE database = current_database() OR $2
	) AS readers
	WHERE oldest IS NOT NULL AND age(oldest) > age(CAST($1 AS xid)))`
