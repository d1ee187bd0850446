package store_test

import (
	"context"
	"database/sql"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// A canceled transaction ends, but its connection stays open: closing the last one would
// lock the file, and the log would be created again.
func TestACanceledTransactionKeepsItsConnection(t *testing.T) {
	s := storetest.New(t, storetest.SQLite).Open(t)
	ws := workspace(t, s, "w")
	added(t, s, ws, "x", "text")
	before, writer := dump(t, s, ws), driverOf(t, store.Pools(s)[0])
	for range 20 {
		soon, cancel := context.WithCancel(ctx)
		err := s.InTx(soon, func(tx *store.Tx) error {
			made, err := tx.CreateConversation(ws, transcript(t, "y", "one"))
			require.NoError(t, err)
			require.True(t, made)
			cancel()
			return err
		})
		require.True(t, fault.Is(err, fault.Canceled), "%v", err)
		soon, cancel = context.WithCancel(ctx)
		err = s.Snapshot(soon, func(v *store.View) error {
			_, err := v.Count(ws)
			require.NoError(t, err)
			cancel()
			return err
		})
		require.True(t, fault.Is(err, fault.Canceled), "%v", err)
	}
	require.Equal(t, before, dump(t, s, ws))
	for _, pool := range store.Pools(s) {
		require.Zero(t, pool.Stats().InUse)
		_, err := pool.ExecContext(ctx, "BEGIN; COMMIT")
		require.NoError(t, err, "no transaction is left open")
	}
	require.True(t, writer == driverOf(t, store.Pools(s)[0]))
}

// driverOf returns the driver's connection behind a pool's next connection.
func driverOf(t *testing.T, pool *sql.DB) (found any) {
	t.Helper()
	conn, err := pool.Conn(ctx)
	require.NoError(t, err)
	require.NoError(t, conn.Raw(func(c any) error { found = c; return nil }))
	require.NoError(t, conn.Close())
	return found
}

// A program that starts while another has locked the whole file waits for it. This
// happens when the last connection closes, and when the log is repaired.
func TestOpeningWaitsForWhoeverHoldsTheFile(t *testing.T) {
	db := storetest.New(t, storetest.SQLite)
	require.NoError(t, db.Open(t).Close())
	for _, mode := range []string{"DELETE", "WAL"} { // without a log, each program tries to create one
		holder := db.PlainSQLite(t)
		_, err := holder.Exec("PRAGMA journal_mode = " + mode)
		require.NoError(t, err)
		_, err = holder.Exec("PRAGMA locking_mode = EXCLUSIVE")
		require.NoError(t, err)
		tx, err := holder.Begin()
		require.NoError(t, err)
		_, err = tx.Exec("UPDATE secrets SET value = value")
		require.NoError(t, err)

		soon, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		_, err = store.Open(soon, db.Options())
		cancel()
		require.True(t, fault.Is(err, fault.Canceled), "not refused at once, but ended with whoever wanted it: %v", err)

		opened := make(chan error, 1)
		go func() {
			s, err := store.Open(ctx, db.Options())
			if err == nil {
				err = s.Close()
			}
			opened <- err
		}()
		require.NoError(t, tx.Rollback())
		require.NoError(t, holder.Close())
		require.NoError(t, <-opened)
	}
}

// A log that is created again is as private as the first one.
func TestANewLogOfSQLiteIsPrivate(t *testing.T) {
	db := storetest.New(t, storetest.SQLite)
	s := db.Open(t)
	ws := workspace(t, s, "w")
	log := db.Options().Path + "-wal"
	for _, pool := range store.Pools(s) {
		pool.SetMaxIdleConns(0)
	}
	require.NoFileExists(t, log, "SQLite takes it away with the last connection")
	require.NoError(t, s.InTx(ctx, func(tx *store.Tx) error {
		made, err := tx.CreateConversation(ws, transcript(t, "x", "text"))
		require.NoError(t, err)
		require.True(t, made)
		info, err := os.Stat(log)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
		return nil
	}))
}
