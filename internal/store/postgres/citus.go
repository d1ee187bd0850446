package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// This file has what Citus needs in place of statements that it refuses, or that it runs on
// the coordinator alone. A database uses it when its tables are distributed (docs/citus.sql).
// On plain PostgreSQL the other statements stay, because they are faster.

// isDistributed reports whether Citus has distributed the tables over several servers. A
// database with the extension and local tables is like any other.
func isDistributed(ctx context.Context, conn *pgx.Conn) (distributed bool, err error) {
	err = conn.QueryRow(ctx, "SELECT to_regclass('pg_dist_partition') IS NOT NULL AND to_regclass('conversations') IS NOT NULL").Scan(&distributed)
	if err != nil || !distributed {
		return false, err
	}
	err = conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = to_regclass('conversations'))").Scan(&distributed)
	return distributed, err
}

// spread is the ability to claim from tables that are distributed.
type spread struct{ d *Database }

var _ dialect.Spread = spread{}

// placesAtOnce is how many waiting conversations each look reads from a shard.
const placesAtOnce = 200

// Waiting asks all shards at once, without a lock. If a server does not answer, it asks the
// shards one by one, so that the others go on.
func (s spread) Waiting(ctx context.Context, w dialect.Waiting) ([]chat.WorkspaceID, error) {
	ctx, cancel := s.d.config.Bounded(ctx)
	defer cancel()
	waiting := func(table string) string {
		return fmt.Sprintf("SELECT workspace_id FROM %s WHERE %s ORDER BY run_after LIMIT %d", table, conditionOf(w), placesAtOnce)
	}
	rows, err := s.d.pool.Query(ctx, waiting("conversations"))
	if err == nil {
		var found []chat.WorkspaceID
		if found, err = pgx.CollectRows(rows, pgx.RowTo[chat.WorkspaceID]); err == nil {
			s.d.told.Store(false)
			return unique(found), nil
		}
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || !strings.HasPrefix(pg.Code, connectionClass) {
		return nil, err
	}
	return s.perShard(ctx, waiting("%s"))
}

// conditionOf is SQL without bound values, because a command for a shard has none. It
// consists of numbers and constants of the store.
func conditionOf(w dialect.Waiting) string {
	if w.Recipe > 0 {
		return fmt.Sprintf("recipe_id = %d AND recipe_id > 0 AND run_after <= %d AND index_state = 'ready'", w.Recipe, w.Now)
	}
	return fmt.Sprintf("index_state IN ('queued', 'indexing') AND run_after <= %d AND %s", w.Now, w.Stage)
}

// perShard runs a query of workspaces on each shard of the conversations, and leaves out
// the shards whose server does not answer.
func (s spread) perShard(ctx context.Context, query string) ([]chat.WorkspaceID, error) {
	rows, err := s.d.pool.Query(ctx, "SELECT success, result FROM run_command_on_shards(CAST('conversations' AS regclass), $1)",
		"SELECT coalesce(string_agg(CAST(workspace_id AS text), ' '), '') FROM ("+query+") AS waiting")
	if err != nil {
		return nil, err
	}
	var found []chat.WorkspaceID
	shards, silent := 0, 0
	var success bool
	var result *string
	_, err = pgx.ForEachRow(rows, []any{&success, &result}, func() error {
		shards++
		if !success || result == nil {
			silent++
			return nil
		}
		for _, number := range strings.Fields(*result) {
			ws, err := strconv.ParseInt(number, 10, 64)
			if err != nil {
				return err
			}
			found = append(found, chat.WorkspaceID(ws))
		}
		return nil
	})
	if err == nil && silent > 0 && !s.d.told.Swap(true) {
		s.d.config.Logger.Warn("a server of the database does not answer; the conversations of its workspaces wait to be indexed", "shards", shards, "silent", silent)
	}
	return unique(found), err
}

// unique removes repeated workspaces and keeps the order.
func unique(list []chat.WorkspaceID) (kept []chat.WorkspaceID) {
	seen := map[chat.WorkspaceID]bool{}
	for _, ws := range list {
		if !seen[ws] {
			seen[ws] = true
			kept = append(kept, ws)
		}
	}
	return kept
}

// ClaimIn is Claim in one workspace, whose rows are on one shard.
func (spread) ClaimIn(db *gorm.DB, ws chat.WorkspaceID, stage string, holder, now, leaseUntil int64, n int) ([]dialect.ClaimRow, error) {
	var rows []dialect.ClaimRow
	err := db.Raw(`
		WITH due AS (
			SELECT workspace_id, id FROM conversations
			WHERE workspace_id = ? AND index_state IN ('queued', 'indexing') AND run_after <= ? AND `+stage+`
			ORDER BY run_after LIMIT ? FOR UPDATE SKIP LOCKED)
		UPDATE conversations AS c SET index_state = 'indexing', holder = ?, run_after = ?, attempts = c.attempts + 1
		FROM due WHERE c.workspace_id = ? AND c.workspace_id = due.workspace_id AND c.id = due.id
		RETURNING c.workspace_id, c.id, c.revision, c.attempts, c.recipe_id, c.indexed_revision`,
		int64(ws), now, n, holder, leaseUntil, int64(ws)).Find(&rows).Error
	return rows, err
}

// ClaimBehindIn is ClaimBehind in one workspace.
func (spread) ClaimBehindIn(db *gorm.DB, ws chat.WorkspaceID, recipe, holder, now, leaseUntil int64) ([]dialect.ClaimRow, error) {
	var rows []dialect.ClaimRow
	err := db.Raw(`
		WITH due AS (
			SELECT workspace_id, id FROM conversations
			WHERE workspace_id = ? AND recipe_id = ? AND recipe_id > 0 AND run_after <= ? AND index_state = 'ready'
			ORDER BY run_after LIMIT 1 FOR UPDATE SKIP LOCKED)
		UPDATE conversations AS c SET holder = ?, run_after = ?, attempts = c.attempts + 1
		FROM due WHERE c.workspace_id = ? AND c.workspace_id = due.workspace_id AND c.id = due.id
		RETURNING c.workspace_id, c.id, c.revision, c.attempts, c.recipe_id, c.indexed_revision`,
		int64(ws), recipe, now, holder, leaseUntil, int64(ws)).Find(&rows).Error
	return rows, err
}

// worker is a server that has shards.
type worker struct {
	name string
	port int32
}

// onWorkers runs a command on every worker and returns the first value of each answer.
// commands has the command of each worker. It returns Unavailable when a worker does not
// answer or refuses.
func onWorkers(ctx context.Context, conn *pgx.Conn, workers []worker, commands []string) ([]string, error) {
	if len(workers) == 0 {
		return nil, nil
	}
	names, ports, at := make([]string, len(workers)), make([]int32, len(workers)), make(map[worker]int, len(workers))
	for i, w := range workers {
		names[i], ports[i], at[w] = w.name, w.port, i
	}
	rows, err := conn.Query(ctx, `SELECT node_name, node_port, success, coalesce(result, '')
		FROM master_run_on_worker(CAST($1 AS text[]), CAST($2 AS int[]), CAST($3 AS text[]), true)`, names, ports, commands)
	if err != nil {
		return nil, err
	}
	answers := make([]string, len(workers))
	answered := 0
	var w worker
	var success bool
	var result string
	_, err = pgx.ForEachRow(rows, []any{&w.name, &w.port, &success, &result}, func() error {
		i, known := at[w]
		if !success || !known {
			return fault.New(fault.Unavailable, "the database server %s:%d, which has a part of the tables, does not do what it is asked: %s", w.name, w.port, result)
		}
		answers[i], answered = result, answered+1
		return nil
	})
	if err == nil && answered < len(workers) {
		err = fault.New(fault.Unavailable, "%d of %d servers of the database answer", answered, len(workers))
	}
	return answers, err
}

// onEachWorker is onWorkers with one command for all of them.
func onEachWorker(ctx context.Context, conn *pgx.Conn, workers []worker, command string) ([]string, error) {
	commands := make([]string, len(workers))
	for i := range commands {
		commands[i] = command
	}
	return onWorkers(ctx, conn, workers, commands)
}

// workers returns the servers that have shards; none on plain PostgreSQL.
func (d *Database) workers(ctx context.Context, conn *pgx.Conn) ([]worker, error) {
	if !d.distributed {
		return nil, nil
	}
	rows, err := conn.Query(ctx, "SELECT node_name, CAST(node_port AS int) FROM master_get_active_worker_nodes() ORDER BY 1, 2")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (w worker, err error) { return w, row.Scan(&w.name, &w.port) })
}
