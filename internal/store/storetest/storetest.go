// Package storetest opens databases for tests. Each is new, and of every kind that the store supports. Tests run on
// PostgreSQL too if URLVariable is set.
package storetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/store"
)

// The kinds of databases.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// Database is a new, empty database for one test.
type Database struct {
	Kind string
	opts store.Options
}

// Each runs the test on every chosen kind of database, as parallel subtests named after the kind. Each run has its
// own database.
func Each(t *testing.T, test func(t *testing.T, db Database)) {
	t.Helper()
	for _, kind := range Kinds(t) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, New(t, kind))
		})
	}
}

// OnPostgres runs a test that applies only to PostgreSQL, as the subtest "postgres", if PostgreSQL was chosen.
func OnPostgres(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	if slices.Contains(Kinds(t), Postgres) {
		t.Run(Postgres, test)
	}
}

// Kinds returns the kinds of databases that the tests run on: SQLite, and PostgreSQL when URLVariable is set. A run
// that must have both fails without it.
func Kinds(t testing.TB) []string {
	t.Helper()
	kinds, err := kinds(os.LookupEnv)
	require.NoError(t, err)
	return kinds
}

// kinds chooses the databases. `make test` and CI must not lose half of the tests because a variable is missing: an
// empty URL is an error, and so is a missing one where CI is set, as every CI service does.
func kinds(lookup func(string) (string, bool)) ([]string, error) {
	url, given := lookup(URLVariable)
	ci, _ := lookup("CI")
	switch {
	case url != "":
		return []string{SQLite, Postgres}, nil
	case given:
		return nil, errors.New(URLVariable + " is empty: give it the URL of a PostgreSQL, or unset it to test SQLite alone")
	case ci != "" && ci != "false":
		return nil, errors.New(URLVariable + " is not set, and CI must test both databases: run `make test`")
	default:
		return []string{SQLite}, nil
	}
}

// New creates an empty database of the kind.
func New(t testing.TB, kind string) Database {
	t.Helper()
	opts := store.Options{Path: filepath.Join(t.TempDir(), "lethe.db")}
	if kind == Postgres {
		opts = postgresOptions(t)
	}
	opts.Trace = keyed(t)
	return Database{Kind: kind, opts: opts}
}

// NewFlat creates an empty PostgreSQL database whose tables are not partitioned, whatever layout the tests run on.
func NewFlat(t testing.TB) Database {
	t.Helper()
	opts := cloned(t, "")
	opts.Trace = keyed(t)
	return Database{Kind: Postgres, opts: opts}
}

// In returns an SQLite database in a folder, which need not exist.
func In(t testing.TB, folder string) Database {
	t.Helper()
	return Database{Kind: SQLite, opts: store.Options{Path: filepath.Join(folder, "lethe.db"), Trace: keyed(t)}}
}

// Open opens the database as one program would, and closes it after the test. Several calls stand for several
// programs.
func (d Database) Open(t testing.TB) *store.Store { return d.OpenAt(t, nil) }

// OpenAt is Open with a clock.
func (d Database) OpenAt(t testing.TB, now func() time.Time) *store.Store {
	t.Helper()
	o := d.opts
	o.Now = now
	s, err := store.Open(context.Background(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// OpenLimited is Open with another limit for exact vector search.
func (d Database) OpenLimited(t testing.TB, exactLimit int) *store.Store {
	t.Helper()
	o := d.opts
	o.ExactLimit = exactLimit
	s, err := store.Open(context.Background(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// Options returns the options that open the database, for a program of its own.
func (d Database) Options() store.Options { return d.opts }

// Environ returns the environment that makes the whole program use the database.
func (d Database) Environ() []string {
	if d.Kind == Postgres {
		return []string{"LETHE_DATABASE_URL=" + d.opts.URL, "LETHE_DATA_DIR=" + filepath.Dir(d.opts.Path)}
	}
	return []string{"LETHE_DATA_DIR=" + filepath.Dir(d.opts.Path)}
}
