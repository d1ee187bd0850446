package main

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
)

// A whole database moves from one kind to the other: through the running service out, and straight
// into the other database. A chat that was deleted stays deleted.
func TestAWholeDatabaseMoves(t *testing.T) {
	for _, from := range storetest.Kinds(t) {
		for _, to := range storetest.Kinds(t) {
			t.Run(from+" to "+to, func(t *testing.T) {
				db := storetest.New(t, from)
				service := apptest.Start(t, db)
				kept := service.Upload(t, "kept", "hello", "good day")
				service.Ready(t, kept)
				gone := service.Upload(t, "gone", "secret", "yes")
				service.Ready(t, gone)
				_, err := service.Client.DeleteMatching(t.Context(), api.DeleteMatchingRequest{Filter: &api.DeleteFilter{Title: new("secret")}})
				require.NoError(t, err)
				path := filepath.Join(t.TempDir(), "all.jsonl")
				here := importer{t: t, environ: append(db.Environ(), "LETHE_API_KEY="+apptest.Key, "LETHE_ADDR="+strings.TrimPrefix(service.URL, "http://"))}
				_, said := here.lethe(exitOK, "export", "--everything", "--out", path)
				require.Contains(t, said, "lines to "+path)

				there := importer{t: t, environ: append(storetest.New(t, to).Environ(), "LETHE_RUNTIME_DIR="+t.TempDir())}
				told, _ := there.lethe(exitOK, "restore", path)
				require.Regexp(t, `^Restored 1 conversation with 2 messages in 1 workspace; \d imports?, 1 receipt and 1 tombstone\.\n$`, told)
				_, said = there.lethe(exitFailure, "restore", path)
				require.Contains(t, said, "is not empty; nothing was restored")

				again := filepath.Join(t.TempDir(), "again.jsonl")
				there.lethe(exitOK, "export", "--everything", "--out", again)
				require.Equal(t, records(t, path), records(t, again), "straight from the database, as through the service")
			})
		}
	}
}

// records are the lines of a file after the header.
func records(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return strings.Split(string(text), "\n")[1:]
}

// Files that are not for restore, and files that import does not read, are refused by name.
func TestRestoreAndImportTellTheirFilesApart(t *testing.T) {
	db := storetest.New(t, storetest.SQLite)
	service := apptest.Start(t, db)
	service.Upload(t, "one", "hello")
	dir := t.TempDir()
	here := importer{t: t, environ: append(db.Environ(), "LETHE_API_KEY="+apptest.Key, "LETHE_ADDR="+strings.TrimPrefix(service.URL, "http://"))}
	ordinary, whole := filepath.Join(dir, "ordinary.jsonl"), filepath.Join(dir, "whole.jsonl")
	here.lethe(exitOK, "export", "--out", ordinary)
	here.lethe(exitOK, "export", "--everything", "--out", whole)
	_, said := here.lethe(exitFailure, "restore", ordinary)
	require.Contains(t, said, "other files are read by `lethe import`")
	_, said = here.lethe(exitFailure, "import", whole)
	require.Contains(t, said, "`lethe restore`")
	_, said = here.lethe(exitFailure, "export", "--everything", "--platform", "chatgpt")
	require.Contains(t, said, "leave ids and")
	_, said = here.lethe(exitFailure, "export", "--everything", "--out", whole)
	require.Contains(t, said, "already exists")

	packed, err := os.Create(filepath.Join(dir, "whole.jsonl.gz"))
	require.NoError(t, err)
	w := gzip.NewWriter(packed)
	text, err := os.ReadFile(whole)
	require.NoError(t, err)
	_, err = w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, packed.Close())
	there := importer{t: t, environ: append(storetest.New(t, storetest.SQLite).Environ(), "LETHE_RUNTIME_DIR="+t.TempDir())}
	told, _ := there.lethe(exitOK, "restore", packed.Name())
	require.Contains(t, told, "Restored 1 conversation")
	there = importer{t: t, environ: append(storetest.New(t, storetest.SQLite).Environ(), "LETHE_RUNTIME_DIR="+t.TempDir()), stdin: string(text)}
	told, _ = there.lethe(exitOK, "restore", "-")
	require.Contains(t, told, "Restored 1 conversation")
}
