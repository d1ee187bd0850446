package store_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

func TestPgvectorThatIsTooOld(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, pgvectorThatIsTooOld)
}

func pgvectorThatIsTooOld(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{
		"0.7.4":  "the database has pgvector 0.7.4, Lethe needs 0.8.0 or newer: install it and run ALTER EXTENSION vector UPDATE",
		"0.5":    "the database has pgvector 0.5, Lethe needs 0.8.0",
		"0.8.0":  "",
		"0.10.1": "",
		"1.0":    "",
	} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			db := storetest.New(t, storetest.Postgres)
			_, err := db.Postgres(t).Exec(ctx, "UPDATE pg_extension SET extversion = $1 WHERE extname = 'vector'", version)
			require.NoError(t, err)
			var log bytes.Buffer
			o := db.Options()
			o.Logger = slog.New(slog.NewTextHandler(&log, nil))
			s, err := store.Open(ctx, o)
			if want != "" {
				require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
				require.Contains(t, fault.Message(err), want)
				return
			}
			require.NoError(t, err)
			require.NoError(t, s.Close())
			if version == "0.8.0" {
				require.Contains(t, log.String(), "0.8.4 or newer is advised")
			} else {
				require.Empty(t, log.String())
			}
		})
	}
}

func TestPgvectorThatThisUserMayNotAdd(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, pgvectorThatThisUserMayNotAdd)
}

func pgvectorThatThisUserMayNotAdd(t *testing.T) {
	t.Parallel()
	_, err := store.Open(ctx, storetest.NewEmpty(t).AsNobody(t).Options())
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
	require.Equal(t, "the database has no pgvector and this user may not add it: run CREATE EXTENSION vector as a superuser", fault.Message(err))
}

// An extension is in one schema, and a session finds only those in its search_path.
func TestPgvectorOutOfSight(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, pgvectorOutOfSight)
}

func pgvectorOutOfSight(t *testing.T) {
	t.Parallel()
	db := storetest.NewEmpty(t)
	for _, statement := range []string{"CREATE SCHEMA extensions", "CREATE EXTENSION vector SCHEMA extensions"} {
		_, err := db.Postgres(t).Exec(ctx, statement)
		require.NoError(t, err)
	}
	_, err := store.Open(ctx, db.Options())
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
	require.Contains(t, fault.Message(err), `pgvector is in the schema "extensions"`)

	s, err := store.Open(ctx, db.With(t, "search_path", "public,extensions").Options())
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	workspace(t, s, "w")
}

// A user who may not create tables gets an error that says so.
func TestSchemaThatThisUserMayNotMake(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, schemaThatThisUserMayNotMake)
}

func schemaThatThisUserMayNotMake(t *testing.T) {
	t.Parallel()
	db := storetest.NewEmpty(t)
	_, err := db.Postgres(t).Exec(ctx, "CREATE EXTENSION vector")
	require.NoError(t, err)
	_, err = store.Open(ctx, db.AsNobody(t).Options())
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
	require.Contains(t, fault.Message(err), "lacks a right")
}

// A migration that changes rows runs once, although several programs start at the same
// time, and may take longer than a statement of a request.
func TestOneProgramMigrates(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, oneProgramMigrates)
}

func oneProgramMigrates(t *testing.T) {
	t.Parallel()
	const programs = 4
	db := storetest.New(t, storetest.Postgres).With(t, "statement_timeout", "200ms")
	_, err := db.Postgres(t).Exec(ctx, "CREATE TABLE counted (n int)")
	require.NoError(t, err)
	dir := fstest.MapFS{"0999_count.sql": {Data: []byte("-- +goose Up\nINSERT INTO counted SELECT 1 FROM pg_sleep(0.5);\n")}}
	errs := make([]error, programs)
	stores := make([]*store.Store, programs)
	for i := range programs { // all open before the first one migrates, because the schema would be too new for later ones
		stores[i] = db.Open(t)
	}
	s := stores[0]
	var starting sync.WaitGroup
	for i, s := range stores {
		starting.Go(func() { errs[i] = s.Migrate(ctx, dir) })
	}
	starting.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Equal(t, 1, db.Count(t, "SELECT count(*) FROM counted"))
	require.Equal(t, 1, db.Count(t, "SELECT count(*) FROM schema_migrations WHERE version_id = 999"))
	require.Zero(t, db.Count(t, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"))

	// The connection that migrated has the ordinary settings again.
	require.NoError(t, s.Migrate(ctx, fstest.MapFS{"1000_nothing.sql": {Data: []byte("-- +goose Up\nSELECT 1;\n")}}))
	held := db.Postgres(t)
	_, err = held.Exec(ctx, "BEGIN; LOCK TABLE workspaces")
	require.NoError(t, err)
	err = s.InTx(ctx, func(tx *store.Tx) error { _, err := tx.EnsureWorkspace("w"); return err })
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
	require.Equal(t, "the database took too long; try again", fault.Message(err))
}

// A server disappears without closing its connections. Calls that wait for it end, and
// later calls use other connections.
func TestAFrozenConnectionHoldsNobodyForEver(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, aFrozenConnectionHoldsNobodyForEver)
}

func aFrozenConnectionHoldsNobodyForEver(t *testing.T) {
	t.Parallel()
	db, proxy := storetest.New(t, storetest.Postgres).Through(t)
	o := db.Options()
	o.Patience = 300 * time.Millisecond
	s, err := store.Open(ctx, o)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	ws := workspace(t, s, "w")
	leader, ok, err := s.Lead(ctx)
	require.NoError(t, err)
	require.True(t, ok)

	for name, run := range map[string]func() error{
		"a transaction": func() error {
			return s.InTx(ctx, func(tx *store.Tx) error {
				proxy.Freeze()
				_, err := tx.Claim(time.Minute, 1, true)
				return err
			})
		},
		"a snapshot": func() error {
			return s.Snapshot(ctx, func(v *store.View) error {
				proxy.Freeze()
				_, err := v.Count(ws)
				return err
			})
		},
	} {
		require.True(t, fault.Is(run(), fault.Canceled), name)
		n, err := s.View(ctx).Count(ws)
		require.NoError(t, err, "after "+name)
		require.Zero(t, n)
	}
	soon, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	require.True(t, leader.Lost(soon), "who cannot ask does not lead")
	leader.Release()
}

// Work that holds a connection for minutes does not use the connections of requests.
func TestMaintenanceTakesNoConnectionFromRequests(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, maintenanceTakesNoConnectionFromRequests)
}

func maintenanceTakesNoConnectionFromRequests(t *testing.T) {
	t.Parallel()
	db := storetest.New(t, storetest.Postgres)
	s := db.With(t, "pool_max_conns", "1").Open(t)
	leader, ok, err := s.Lead(ctx)
	require.NoError(t, err)
	require.True(t, ok)
	defer leader.Release()
	ws := workspace(t, s, "w")
	added(t, s, ws, "x", "text")
	require.NoError(t, finish(s, claimOne(t, s), "text"))
	// The build waits for a transaction that has used the table.
	held := db.Postgres(t)
	_, err = held.Exec(ctx, "BEGIN; LOCK TABLE embeddings IN ROW EXCLUSIVE MODE")
	require.NoError(t, err)
	built := make(chan error, 1)
	go func() {
		built <- s.BuildVectorIndex(ctx, store.VectorSpace{Workspace: ws, Model: testModel.ID, Dimensions: testModel.Dimensions})
	}()
	building := func() bool {
		soon, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		indexes, err := s.VectorIndexes(soon)
		require.NoError(t, err, "nobody can ask while an index is built")
		return len(indexes) == 1 && indexes[0].Building
	}
	require.Eventually(t, building, 20*time.Second, 10*time.Millisecond)
	_, err = held.Exec(ctx, "ROLLBACK")
	require.NoError(t, err)
	require.NoError(t, <-built)
}

// If the answer to a commit is lost, nobody knows whether it was done, so it is not
// repeated.
func TestALostCommitIsNotRepeated(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, aLostCommitIsNotRepeated)
}

func aLostCommitIsNotRepeated(t *testing.T) {
	t.Parallel()
	db, proxy := storetest.New(t, storetest.Postgres).Through(t)
	s := db.Open(t)
	ws := workspace(t, s, "w")
	gone, stays := added(t, s, ws, "gone", "text"), added(t, s, ws, "stays", "text")
	proxy.CutAfter("commit")
	runs := 0
	err := s.InTx(ctx, func(tx *store.Tx) error {
		runs++
		ids, _, err := tx.DeleteConversations(ws, []chat.ConversationID{gone.ID}, chat.DeleteOptions{})
		require.Equal(t, []chat.ConversationID{gone.ID}, ids)
		return err
	})
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
	require.Equal(t, "the database cannot be reached; try again", fault.Message(err))
	require.Equal(t, 1, runs)
	require.Empty(t, remove(t, s, ws, gone.ID), "it was done")
	require.Equal(t, []chat.ConversationID{stays.ID}, remove(t, s, ws, stays.ID))
	requireSound(t, db)
}

// A connection that breaks before the commit has changed nothing, so the work is repeated
// on another one without an error.
func TestWorkOnABrokenConnectionIsDoneOnAnother(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, workOnABrokenConnectionIsDoneOnAnother)
}

func workOnABrokenConnectionIsDoneOnAnother(t *testing.T) {
	t.Parallel()
	db, proxy := storetest.New(t, storetest.Postgres).Through(t)
	s := db.Open(t)
	ws := workspace(t, s, "w")
	id := added(t, s, ws, "x", "text").ID
	for name, run := range map[string]func(breakOnce func()) error{
		"a transaction": func(breakOnce func()) error {
			return s.InTx(ctx, func(tx *store.Tx) error {
				if _, _, err := tx.DeleteConversations(ws, []chat.ConversationID{id}, chat.DeleteOptions{}); err != nil {
					return err
				}
				breakOnce()
				return tx.AddToImport(ws, chat.Import{ID: chat.NewID(), Kind: "upload"})
			})
		},
		"a snapshot": func(breakOnce func()) error {
			return s.Snapshot(ctx, func(v *store.View) error {
				breakOnce()
				_, err := v.Count(ws)
				return err
			})
		},
	} {
		require.NoError(t, run(sync.OnceFunc(proxy.Cut)), name)
	}
	require.Zero(t, db.Count(t, "SELECT count(*) FROM conversations"))
	require.Equal(t, 1, db.Count(t, "SELECT count(*) FROM imports"))
}
