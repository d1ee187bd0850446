package storetest

import (
	"context"
	"database/sql"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
	"github.com/ncruces/go-sqlite3/ext/fts5"
	"github.com/ncruces/go-sqlite3/gormlite"
	"github.com/pgvector/pgvector-go"
	pgxvector "github.com/pgvector/pgvector-go/pgx"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// PlainPragmas are the store's settings of an SQLite connection, as a copy: a benchmark that took them from the store
// would not notice wrong ones. TestPlainConnectionsHaveTheStoresSettings checks that both agree.
var PlainPragmas = []string{
	"busy_timeout = 20000",
	"page_size = 16384",
	"journal_mode = WAL",
	"synchronous = FULL",
	"foreign_keys = ON",
	"secure_delete = ON",
	"temp_store = MEMORY",
	"cache_size = -32000",
	"trusted_schema = OFF",
}

// PlainSQLite opens the database with only its driver, as one connection with the store's settings, for benchmarks
// that measure the cost of the SQL itself.
func (d Database) PlainSQLite(t testing.TB) *sql.DB {
	t.Helper()
	pool, err := driver.Open("file:"+d.opts.Path+"?_txlock=immediate", func(c *sqlite3.Conn) error {
		if err := fts5.Register(c); err != nil {
			return err
		}
		for _, pragma := range PlainPragmas {
			if err := c.Exec("PRAGMA " + pragma); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	pool.SetMaxOpenConns(1)
	require.NoError(t, pool.PingContext(context.WithoutCancel(t.Context())))
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	return pool
}

// PlainPostgres opens the database with only its driver, for benchmarks that measure the cost of the SQL itself.
func (d Database) PlainPostgres(t testing.TB) *pgx.Conn {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, d.opts.URL)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(ctx)) })
	require.NoError(t, pgxvector.RegisterTypes(ctx, conn))
	return conn
}

// HalfVector returns a vector in the form that PlainPostgres accepts.
func HalfVector(v []float32) any { return pgvector.NewHalfVector(v) }

// PlainGORM opens the database as most programs would open it with GORM, for comparisons.
func (d Database) PlainGORM(t testing.TB) *gorm.DB {
	t.Helper()
	dialector := postgres.Open(d.opts.URL)
	if d.Kind == SQLite {
		dialector = nil
	}
	var db *gorm.DB
	var err error
	if dialector != nil {
		db, err = gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	} else {
		db, err = gorm.Open(gormlite.OpenDB(d.PlainSQLite(t)), &gorm.Config{Logger: logger.Discard})
	}
	require.NoError(t, err)
	if d.Kind == Postgres {
		pool, err := db.DB()
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, pool.Close()) })
	}
	return db
}

// Clone creates a database with the same content. Nothing may have the original open.
func (d Database) Clone(t testing.TB) Database {
	t.Helper()
	clone := d
	if d.Kind == Postgres {
		server := os.Getenv(URLVariable)
		source := d.opts.URL[strings.LastIndex(d.opts.URL, "/")+1:]
		source, _, _ = strings.Cut(source, "?")
		name := "lethe_test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
		admin(t, server, "CREATE DATABASE "+name+" TEMPLATE "+source+" STRATEGY FILE_COPY")
		t.Cleanup(func() { admin(t, server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
		clone.opts.URL = databaseURL(t, server, name)
		return clone
	}
	clone.opts.Path = filepath.Join(t.TempDir(), "lethe.db")
	_, err := os.Stat(d.opts.Path + "-wal")
	require.ErrorIs(t, err, os.ErrNotExist, "the database that is cloned is open, or was not closed well")
	copyFile(t, d.opts.Path, clone.opts.Path)
	return clone
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	require.NoError(t, err)
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	_, err = io.Copy(out, in)
	require.NoError(t, err)
	require.NoError(t, out.Sync())
	require.NoError(t, out.Close())
}

// TermKey returns the key of the numbers of terms. Only PostgreSQL has one.
func (d Database) TermKey(t testing.TB) (key []byte) {
	t.Helper()
	require.NoError(t, d.PlainPostgres(t).QueryRow(t.Context(), "SELECT value FROM secrets WHERE name = 'terms'").Scan(&key))
	return key
}
