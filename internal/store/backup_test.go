package store_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// A backup is one state of the database, also while others write. It does not keep them from writing.
func TestABackupIsOneState(t *testing.T) {
	db := storetest.New(t, storetest.SQLite)
	s, other := db.Open(t), db.Open(t)
	ws := workspace(t, s, "w")
	for _, name := range []string{"a", "b", "c"} {
		added(t, s, ws, name, strings.Repeat("one ", 1<<20), "two")
	}
	indexAll(t, s, []string{"alpha"}, []string{"beta"})
	want := dump(t, s, ws)
	path := filepath.Join(t.TempDir(), "backup.db")
	writes := 0
	require.NoError(t, s.Backup(ctx, path, func(done, of int) {
		require.LessOrEqual(t, done, of)
		if writes++; writes == 1 {
			require.Less(t, done, of)
			added(t, other, ws, "late", "while it is copied")
			remove(t, other, ws, list(t, other, ws, chat.Filter{})[0])
		}
	}))
	require.Greater(t, writes, 1)
	require.NotEqual(t, want, dump(t, s, ws))
	restored, err := store.Open(ctx, store.Options{Path: path, MustExist: true})
	require.NoError(t, err)
	require.Equal(t, want, dump(t, restored, ws))
	require.NoError(t, restored.Close())
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing else is left beside it")
	info, err := os.Stat(path)
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
}

func TestABackupReplacesNothingAndLeavesNothingHalf(t *testing.T) {
	db := storetest.New(t, storetest.SQLite)
	s := db.Open(t)
	added(t, s, workspace(t, s, "w"), "a", "one")
	folder := t.TempDir()
	files := func() (names []string) {
		entries, err := os.ReadDir(folder)
		require.NoError(t, err)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	taken := filepath.Join(folder, "taken")
	require.NoError(t, os.WriteFile(taken, []byte("mine"), 0o600))
	require.True(t, fault.Is(s.Backup(ctx, taken, nil), fault.Conflict))
	fresh := filepath.Join(folder, "fresh")
	err := s.Backup(ctx, fresh, func(int, int) { // somebody else is faster
		require.NoError(t, os.WriteFile(fresh, []byte("theirs"), 0o600))
	})
	require.True(t, fault.Is(err, fault.Conflict), "%v", err)
	for path, want := range map[string]string{taken: "mine", fresh: "theirs"} {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, want, string(content))
	}
	interrupted, stop := context.WithCancel(ctx)
	stop()
	require.Error(t, s.Backup(interrupted, filepath.Join(folder, "interrupted"), nil))
	db.Break(t, "UPDATE conversations SET message_count = message_count + 1")
	err = s.Backup(ctx, filepath.Join(folder, "unsound"), nil)
	require.True(t, fault.Is(err, fault.Conflict), "%v", err)
	require.Contains(t, fault.Message(err), "lethe doctor --fix")
	require.ErrorContains(t, s.Backup(ctx, filepath.Join(folder, "no", "folder"), nil), "cannot be written")
	require.Equal(t, []string{"fresh", "taken"}, files())
}

func TestPostgresHasItsOwnBackups(t *testing.T) {
	storetest.OnPostgres(t, func(t *testing.T) {
		err := storetest.New(t, storetest.Postgres).Open(t).Backup(ctx, filepath.Join(t.TempDir(), "x"), nil)
		require.True(t, fault.Is(err, fault.Unsupported), "%v", err)
		require.Contains(t, fault.Message(err), "pg_dump --format=custom")
	})
}
