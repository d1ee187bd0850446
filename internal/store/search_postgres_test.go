package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// The planner has no statistics of a new workspace and takes it for empty. A join could
// then read all of it for every passage that is found. The work of a search must not grow
// like that.
func TestASearchInANewWorkspaceReadsLittle(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, aSearchInANewWorkspaceReadsLittle)
}

func aSearchInANewWorkspaceReadsLittle(t *testing.T) {
	t.Parallel()
	const conversations = 400
	db := storetest.New(t, storetest.Postgres)
	conn := db.Postgres(t)
	tables := tablesOf(t, conn)
	for _, table := range tables {
		_, err := conn.Exec(ctx, "ALTER TABLE "+pgx.Identifier{table}.Sanitize()+" SET (autovacuum_enabled = off)")
		require.NoError(t, err)
	}
	s := db.Open(t)
	ws := workspace(t, s, "w")
	for i := range conversations {
		added(t, s, ws, fmt.Sprint(i), "text")
	}
	indexAll(t, s, []string{"harbor", "ferry"}, []string{"harbor"})
	read := func() (rows int) {
		require.NoError(t, conn.QueryRow(ctx, `SELECT sum(coalesce(idx_tup_fetch, 0) + seq_tup_read) FROM pg_stat_user_tables
			WHERE relname = ANY ($1)`, tables).Scan(&rows))
		return rows
	}
	search := func() int {
		before := read()
		own, err := store.Open(ctx, db.With(t, "pool_max_conns", "1").Options())
		require.NoError(t, err)
		found, err := own.View(ctx).SearchKeyword(ws, store.Words{Terms: []string{"harbor", "ferry"}}, chat.Filter{Platform: "custom"})
		require.NoError(t, err)
		require.Len(t, found.Passages, store.LegSize)
		var keys []rank.Key
		for _, f := range found.Passages {
			keys = append(keys, f.Key)
		}
		passages, err := own.View(ctx).Passages(ws, keys)
		require.NoError(t, err)
		require.Len(t, passages, store.LegSize)
		require.NoError(t, own.Close()) // a closed connection reports how much it has read
		require.Eventually(t, func() bool { return read() > before }, 20*time.Second, 10*time.Millisecond)
		return read() - before
	}
	require.Less(t, search(), 60*conversations)
}

// tablesOf returns the tables of conversations, or their partitions.
func tablesOf(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	rows, err := conn.Query(ctx, `SELECT CAST(relname AS text) FROM pg_class
		WHERE relkind = 'r' AND relname ~ '^(conversations|chunks|messages|embeddings)' AND relnamespace = CAST('public' AS regnamespace)`)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.NotEmpty(t, tables)
	return tables
}
