package store_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// A benchmark compares the store with SQL under the same settings, so the test reads them
// from both connections.
func TestPlainConnectionsHaveTheStoresSettings(t *testing.T) {
	db := storetest.New(t, storetest.SQLite)
	ours, plain := store.Pools(db.Open(t))[0], db.PlainSQLite(t)
	settings := []string{"auto_vacuum", "automatic_index", "cache_spill", "journal_size_limit", "locking_mode", "mmap_size",
		"recursive_triggers", "threads", "wal_autocheckpoint"} // settings that nobody sets today
	for _, pragma := range storetest.PlainPragmas {
		name, _, _ := strings.Cut(pragma, " ")
		settings = append(settings, name)
	}
	for _, name := range settings {
		var want, got string
		require.NoError(t, ours.QueryRow("PRAGMA "+name).Scan(&want), name)
		require.NoError(t, plain.QueryRow("PRAGMA "+name).Scan(&got), name)
		require.Equal(t, want, got, name)
	}
}
