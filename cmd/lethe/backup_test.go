package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// A backup that the command has written while the service runs is restored by copying it, and does not bring back
// what was deleted afterwards.
func TestABackupIsRestored(t *testing.T) {
	db := storetest.New(t, storetest.SQLite)
	place, backup := filepath.Join(t.TempDir(), "ledger"), filepath.Join(t.TempDir(), "backup.db")
	service := apptest.Start(t, db, apptest.WithEnv("LETHE_LEDGER="+place))
	kept, gone := service.Upload(t, "kept", "hello"), service.Upload(t, "gone", "secret")
	service.Idle(t)
	here := importer{t: t, environ: append(db.Environ(), "LETHE_LEDGER="+place)}
	told, _ := here.lethe(exitOK, "backup", backup)
	require.Regexp(t, `^Wrote .*backup\.db: \d+ pages, checked\.\n$`, told)
	_, said := here.lethe(exitFailure, "backup", backup)
	require.Contains(t, said, "a backup never replaces a file")
	_, err := service.Client.Delete(t.Context(), gone)
	require.NoError(t, err)
	told, _ = here.lethe(exitOK, "ledger", "status")
	require.Contains(t, told, "The ledger keeps 1 record. 0 records wait for it.")
	service.Stop(t)

	folder := t.TempDir()
	content, err := os.ReadFile(backup)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "lethe.db"), content, 0o600))
	there := importer{t: t, environ: []string{"LETHE_DATA_DIR=" + folder, "LETHE_LEDGER=" + place, "LETHE_RUNTIME_DIR=" + t.TempDir()}}
	everything := filepath.Join(t.TempDir(), "all.jsonl")
	there.lethe(exitOK, "export", "--everything", "--out", everything)
	written, err := os.ReadFile(everything)
	require.NoError(t, err)
	require.Contains(t, string(written), kept)
	require.NotContains(t, string(written), `"secret"`, "a command that reads the restored database obeys the ledger too")
	told, _ = there.lethe(exitOK, "ledger", "status")
	require.Equal(t, 2, strings.Count(told, " 2\n"), told)

	_, said = there.lethe(exitFailure, "ledger", "forget")
	require.Contains(t, said, "add --yes")
	told, _ = there.lethe(exitOK, "ledger", "forget", "--yes")
	require.Contains(t, told, "has no ledger")
	told, _ = there.lethe(exitOK, "ledger", "accept")
	require.Contains(t, told, "at the same state")
}
