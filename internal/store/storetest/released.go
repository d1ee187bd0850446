package storetest

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// Released is a database that a released program filled and that was not opened since, so it has the schema of that
// release. See make.sh beside the files.
type Released struct {
	Database
	Version int // the newest migration of the release
}

// EachReleased runs the test in parallel on every released database of the chosen kinds.
func EachReleased(t *testing.T, test func(t *testing.T, db Released)) {
	t.Helper()
	for _, kind := range Kinds(t) {
		extension := map[string]string{SQLite: ".sqlite.gz", Postgres: ".postgres.sql.gz"}[kind]
		files, err := filepath.Glob(filepath.Join(moduleRoot(t), "internal", "store", "testdata", "released", "*"+extension))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		var versions []int
		for _, file := range files {
			version, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(file), extension))
			require.NoError(t, err)
			versions = append(versions, version)
			t.Run(kind+"/"+strconv.Itoa(version), func(t *testing.T) {
				t.Parallel()
				test(t, Released{restore(t, kind, file), version})
			})
		}
		slices.Sort(versions)
		for i, version := range versions {
			require.Equal(t, i+1, version, "%s: a released schema has no file", kind)
		}
	}
}

// restore creates a database from a file.
func restore(t *testing.T, kind, file string) (db Database) {
	t.Helper()
	packed, err := os.Open(file)
	require.NoError(t, err)
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	require.NoError(t, err)
	content, err := io.ReadAll(unpacked)
	require.NoError(t, err)
	if kind == Postgres {
		db = NewEmpty(t)
		ctx := context.Background()
		conn, err := pgx.Connect(ctx, db.opts.URL)
		require.NoError(t, err)
		defer conn.Close(ctx) //nolint:errcheck // the errors of the statements matter
		_, err = conn.PgConn().Exec(ctx, string(bytes.TrimSpace(content))).ReadAll()
		require.NoError(t, err)
		return db
	}
	db = New(t, SQLite)
	require.NoError(t, os.WriteFile(db.opts.Path, content, 0o600))
	return db
}
