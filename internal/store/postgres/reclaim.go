package postgres

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// reclaimTables are the tables from which deletes remove rows, including deletes of whole
// workspaces.
var reclaimTables = []string{
	"conversations", "messages", "chunks", "embeddings",
	"imports", "platforms", "api_keys", "tombstones", "message_tombstones", "ledger_outbox", "idempotent_uploads", "idempotency_keys", "workspaces",
}

// Reclaim frees the space of deleted rows for new ones, removes their index entries,
// and renews the planner's statistics from the remaining rows. Only the full form
// rewrites the files. It never pauses, because no step of it keeps others from writing.
func (d *Database) Reclaim(ctx context.Context, how dialect.Reclaiming) error {
	return d.maintain(ctx, func(conn *pgx.Conn) error {
		workers, err := d.workers(ctx, conn)
		if err != nil {
			return err
		}
		if err := awaitReaders(ctx, conn, workers, how.Full); err != nil {
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
			return rewriteStatistics(ctx, conn, workers)
		}
		return reindexTerms(ctx, conn)
	})
}

// rewriteStatistics rewrites the table of the planner's statistics, which contain samples
// of ids but not of texts (migration 4), on this server and on all workers. The owner of
// the database may do that; for others PostgreSQL only logs a warning.
func rewriteStatistics(ctx context.Context, conn *pgx.Conn, workers []worker) error {
	const (
		file    = "SELECT pg_relation_filenode('pg_statistic')"
		rewrite = "VACUUM (FULL) pg_statistic"
	)
	var before, after uint32
	if err := conn.QueryRow(ctx, file).Scan(&before); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, rewrite); err != nil {
		return err
	}
	if err := conn.QueryRow(ctx, file).Scan(&after); err != nil {
		return err
	}
	if before == after {
		return errStatisticsKept
	}
	var files [2][]string
	for i := range files {
		var err error
		if files[i], err = onEachWorker(ctx, conn, workers, file); err != nil {
			return err
		}
		if i > 0 {
			break
		}
		if _, err := onEachWorker(ctx, conn, workers, rewrite); err != nil {
			return err
		}
	}
	for i := range workers {
		if files[0][i] == files[1][i] {
			return errStatisticsKept
		}
	}
	return nil
}

var errStatisticsKept = fault.New(fault.Unavailable, "the tables are rewritten, but not pg_statistic, which may still hold ids of what was deleted: "+
	"let the owner of the database run VACUUM (FULL) pg_statistic")

// How long a reclaim waits for transactions that began before the last deletes, and how
// often it looks. A full reclaim may take longer.
const (
	readersPatience     = 5 * time.Second
	readersPatienceFull = time.Minute
	readersPoll         = 50 * time.Millisecond
)

// awaitReaders waits until nobody can see what was deleted before the call, on this server
// and on all workers. PostgreSQL keeps a deleted row as long as a transaction may see it: a
// vacuum skips it, and a rewrite copies it. It returns dialect.ErrReadersLeft when this
// takes too long.
func awaitReaders(ctx context.Context, conn *pgx.Conn, workers []worker, full bool) error {
	var next uint32 // every committed delete has a smaller number
	if err := conn.QueryRow(ctx, nextTransaction).Scan(&next); err != nil {
		return err
	}
	commands, err := onEachWorker(ctx, conn, workers, nextTransaction) // each server counts on its own
	if err != nil {
		return err
	}
	for i, its := range commands {
		commands[i] = strings.NewReplacer("$1", quoteLiteral(its), "$2", strconv.FormatBool(full)).Replace(readersLeft)
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
		if err := conn.QueryRow(ctx, readersLeft, next, full).Scan(&left); err != nil {
			return err
		}
		if !left {
			answers, err := onWorkers(ctx, conn, workers, commands)
			if err != nil {
				return err
			}
			left = slices.Contains(answers, "t")
		}
		if !left {
			return nil
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

const nextTransaction = "SELECT xid(pg_snapshot_xmax(pg_current_snapshot()))"

// readersLeft reports whether anything holds back a vacuum: a transaction in this
// database, a standby or its slot, or a prepared transaction. A rewrite also waits for
// writers of other databases. (See ComputeXidHorizons in PostgreSQL's procarray.c. A
// plain vacuum holds nothing back.)
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
