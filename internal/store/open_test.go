package store_test

import (
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

func TestReopeningKeepsEverything(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		first := db.Open(t)
		ws := workspace(t, first, "w")
		want := added(t, first, ws, "x", "question", "answer")
		version, err := first.SchemaVersion(ctx)
		require.NoError(t, err)
		require.Positive(t, version)
		require.NoError(t, first.Close())

		second := db.Open(t)
		require.Equal(t, db.Kind, second.Name())
		require.NoError(t, second.Ping(ctx))
		require.Equal(t, ws, workspace(t, second, "w"))
		got, err := second.View(ctx).Transcript(ws, want.ID)
		require.NoError(t, err)
		require.Equal(t, want, got)
		again, err := second.SchemaVersion(ctx)
		require.NoError(t, err)
		require.Equal(t, version, again)
	})
}

// Several programs start on a new database at the same time: a rolling start, or a
// command beside the service.
func TestProgramsOpenANewDatabaseTogether(t *testing.T) {
	const programs = 4
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		for range 3 {
			o := emptied(t, db)
			stores := make([]*store.Store, programs)
			var opening errgroup.Group
			for i := range stores {
				opening.Go(func() (err error) {
					stores[i], err = store.Open(ctx, o)
					return err
				})
			}
			require.NoError(t, opening.Wait())
			first := workspace(t, stores[0], "w")
			for i, s := range stores {
				require.Equal(t, first, workspace(t, s, "w"))
				added(t, s, first, string(rune('a'+i)), "text")
			}
			n, err := stores[0].View(ctx).Count(first)
			require.NoError(t, err)
			require.Equal(t, programs, n)
			for _, s := range stores {
				require.NoError(t, s.Close())
			}
		}
	})
}

// emptied returns the options of a database that no program has opened yet.
func emptied(t *testing.T, db storetest.Database) store.Options {
	t.Helper()
	o := db.Options()
	if db.Kind == storetest.SQLite {
		o.Path = filepath.Join(t.TempDir(), "lethe.db")
		return o
	}
	s, err := store.Open(ctx, o)
	require.NoError(t, err)
	require.NoError(t, store.DB(s).Exec("DROP SCHEMA public CASCADE").Error)
	require.NoError(t, store.DB(s).Exec("CREATE SCHEMA public").Error)
	require.NoError(t, s.Close())
	return o
}

func TestANewerSchemaIsRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		added(t, s, ws, "x", "text")
		require.NoError(t, store.DB(s).Exec("INSERT INTO schema_migrations (version_id, is_applied) VALUES (?, ?)", 9999, true).Error)

		_, err := store.Open(ctx, db.Options())
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)
		require.Contains(t, fault.Message(err), "schema version 9999")
		require.Contains(t, fault.Message(err), "a newer Lethe has used it")

		require.NoError(t, store.DB(s).Exec("DELETE FROM schema_migrations WHERE version_id = 9999").Error)
		n, err := db.Open(t).View(ctx).Count(ws)
		require.NoError(t, err)
		require.Equal(t, 1, n)
	})
}

// SQLite's settings belong to a connection, so the test checks each one.
func TestEverySQLiteConnectionHasItsSettings(t *testing.T) {
	s := storetest.New(t, storetest.SQLite).Open(t)
	pools := store.Pools(s)
	require.Len(t, pools, 2)
	require.Equal(t, 1, pools[0].Stats().MaxOpenConnections, "writers queue before the file")
	require.GreaterOrEqual(t, pools[1].Stats().MaxOpenConnections, 4)
	for readers, pool := range pools {
		for range pool.Stats().MaxOpenConnections { // all of them at once
			conn, err := pool.Conn(ctx)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, conn.Close()) })
			for pragma, want := range map[string]string{
				"foreign_keys": "1", "secure_delete": "1", "journal_mode": "wal", "synchronous": "2",
				"busy_timeout": "20000", "trusted_schema": "0", "temp_store": "2",
				"query_only": []string{"0", "1"}[readers],
			} {
				var got string
				require.NoError(t, conn.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(&got))
				require.Equal(t, want, got, pragma)
			}
			if readers == 1 {
				_, err := conn.ExecContext(ctx, "DELETE FROM conversations")
				require.Error(t, err, "a reader must not write")
			}
		}
		require.Equal(t, pool.Stats().MaxOpenConnections, pool.Stats().InUse)
	}
}

// Rows without a parent are refused in every transaction, with any number of connections
// and programs.
func TestForeignKeysHoldInEveryTransaction(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		stores := []*store.Store{db.Open(t), db.Open(t)}
		ws := workspace(t, stores[0], "w")
		for range 3 {
			var orphans errgroup.Group
			for _, s := range append(stores, stores...) {
				orphans.Go(func() error {
					return s.InTx(ctx, func(tx *store.Tx) error {
						return store.Handle(&tx.View).Exec(`INSERT INTO messages
							(workspace_id, conversation_id, position, id, external_id, sender, text, created_at)
							VALUES (?, '00000000-0000-7000-8000-000000000001', 0, '00000000-0000-7000-8000-000000000002', '', 'human', '', 0)`,
							int64(ws)).Error
					})
				})
			}
			require.ErrorIs(t, orphans.Wait(), gorm.ErrForeignKeyViolated)
		}
		requireSound(t, db)
	})
}

func TestTheFilesOfSQLiteArePrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	s, err := store.Open(ctx, store.Options{Path: filepath.Join(dir, "lethe.db")})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	added(t, s, workspace(t, s, "w"), "x", "text")
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o700), info.Mode().Perm())
	require.ElementsMatch(t, []string{"lethe.db", "lethe.db-shm", "lethe.db-wal"}, names(t, dir))
	for _, name := range names(t, dir) {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), name)
	}
}

func names(t *testing.T, dir string) (found []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		found = append(found, e.Name())
	}
	return found
}

// No character of a path is interpreted as part of a URI.
func TestPathsWithOddCharacters(t *testing.T) {
	for _, name := range []string{
		"with space", "ha#sh", "quest?ion=1&mode=ro", "per%20cent%", "plus+", "semi;colon", "col:on", `back\slash`,
		"quote'\"", "Grüße 世界 🌍", "e\u0301", "file:x", "-dash", ".hidden", "trailing ",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), name)
			o := store.Options{Path: filepath.Join(dir, name+".db")}
			for round := range 2 {
				s, err := store.Open(ctx, o)
				require.NoError(t, err)
				require.Contains(t, names(t, dir), name+".db")
				for _, file := range names(t, dir) {
					require.True(t, strings.HasPrefix(file, name+".db"), file)
				}
				ws := workspace(t, s, "w")
				added(t, s, ws, string(rune('a'+round)), "text")
				n, err := s.View(ctx).Count(ws)
				require.NoError(t, err)
				require.Equal(t, round+1, n)
				require.NoError(t, s.Close())
			}
			require.Equal(t, []string{name + ".db"}, names(t, dir), "closing leaves one file")
			require.Equal(t, []string{name}, names(t, filepath.Dir(dir)))
		})
	}
}

// readOnly returns a directory in which no file can be created.
func readOnly(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o500))
	if f, err := os.Create(filepath.Join(dir, "probe")); err == nil { // root may, except in the kernel's own folders
		require.NoError(t, f.Close())
		return "/proc/self"
	}
	return dir
}

func TestSQLiteThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	require.NoError(t, os.WriteFile(text, []byte(strings.Repeat("these are my notes\n", 500)), 0o600))
	for name, c := range map[string]struct {
		path string
		says string
	}{
		"below a file":          {filepath.Join(text, "lethe.db"), "cannot make the data directory " + text},
		"a folder":              {dir, "cannot open the database file " + dir},
		"a read-only directory": {filepath.Join(readOnly(t), "lethe.db"), "cannot open the database file"},
		"below a read-only one": {filepath.Join(readOnly(t), "sub", "lethe.db"), "set LETHE_DATA_DIR to one you may write"},
		"not a database":        {text, "is not an SQLite database"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := store.Open(ctx, store.Options{Path: c.path})
			require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
			require.Contains(t, fault.Message(err), c.says)
		})
	}
	kept, err := os.ReadFile(text)
	require.NoError(t, err)
	require.Len(t, kept, 19*500, "a file of somebody else's is left alone")
}

func TestPostgresThatCannotBeOpened(t *testing.T) {
	storetest.OnPostgres(t, postgresThatCannotBeOpened)
}

func postgresThatCannotBeOpened(t *testing.T) {
	good := storetest.New(t, storetest.Postgres).Options().URL
	at := func(change func(*url.URL)) string {
		u, err := url.Parse(good)
		require.NoError(t, err)
		change(u)
		return u.String()
	}
	const secret = "open-sesame"
	for name, c := range map[string]struct {
		url  string
		kind fault.Kind
		says string
	}{
		"no URL at all":       {"postgres://user:" + secret + "@host:port:5432/x", fault.Invalid, "LETHE_DATABASE_URL is not a PostgreSQL address"},
		"another scheme":      {"mysql://user:" + secret + "@localhost/x", fault.Invalid, "LETHE_DATABASE_URL is not a PostgreSQL address"},
		"an unknown user":     {at(func(u *url.URL) { u.User = url.UserPassword("lethe_nobody", secret) }), fault.Unavailable, "user and password"},
		"an unknown database": {at(func(u *url.URL) { u.Path = "/lethe_nowhere" }), fault.Unavailable, `no database "lethe_nowhere"`},
		"nobody listening":    {at(func(u *url.URL) { u.Host = "127.0.0.1:1"; u.User = url.UserPassword("u", secret) }), fault.Unavailable, "cannot be reached"},
		"an unknown host":     {at(func(u *url.URL) { u.Host = "lethe.invalid:5432"; u.User = url.UserPassword("u", secret) }), fault.Unavailable, "cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := store.Open(ctx, store.Options{URL: c.url})
			require.True(t, fault.Is(err, c.kind), "%v", err)
			require.Contains(t, fault.Message(err), c.says)
			require.NotContains(t, err.Error(), secret, "nor may a log show it")
		})
	}
}

func TestExactlyOneDatabaseIsNamed(t *testing.T) {
	for _, o := range []store.Options{{}, {Path: "x", URL: "postgres://y"}} {
		_, err := store.Open(ctx, o)
		require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	}
}

func TestOpeningEndsWithItsContext(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		gone, cancel := cancelled()
		defer cancel()
		_, err := store.Open(gone, db.Options())
		require.Error(t, err)
	})
}

func TestAClosedStoreSaysSo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		require.NoError(t, s.Close())
		require.Error(t, s.Ping(ctx))
		_, err := s.View(ctx).Count(1)
		require.Error(t, err)
		require.False(t, errors.Is(err, sql.ErrNoRows))
		require.NoError(t, s.Close(), "closing twice is no mistake")
	})
}
