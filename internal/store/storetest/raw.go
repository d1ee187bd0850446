package storetest

import (
	"context"
	"database/sql"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
	"github.com/ncruces/go-sqlite3/ext/fts5"
	"github.com/stretchr/testify/require"
)

// raw is a connection to the database that bypasses the store, so that tests can compare
// the store's answers with the stored rows. It has none of the store's settings, and
// works while a program is running.
type raw struct {
	t    testing.TB
	kind string
	pool *sql.DB
	conn *sql.Conn
	ctx  context.Context
}

// raw opens a connection that ends with the test, or when it is closed.
func (d Database) raw(t testing.TB) *raw {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // clean-ups use it too
	var pool *sql.DB
	var err error
	if d.Kind == Postgres {
		pool, err = sql.Open("pgx", d.opts.URL)
	} else {
		pool, err = driver.Open("file:"+d.opts.Path, func(c *sqlite3.Conn) error {
			if err := fts5.Register(c); err != nil { // search tables cannot be opened without it
				return err
			}
			return c.Exec("PRAGMA busy_timeout = 20000")
		})
	}
	require.NoError(t, err)
	conn, err := pool.Conn(ctx)
	require.NoError(t, err)
	r := &raw{t: t, kind: d.Kind, pool: pool, conn: conn, ctx: ctx}
	t.Cleanup(func() { _ = conn.Close(); _ = pool.Close() }) // for tests that fail before
	return r
}

func (r *raw) close() {
	r.t.Helper()
	require.NoError(r.t, r.conn.Close())
	require.NoError(r.t, r.pool.Close())
}

// count returns the number that a query selects.
func (r *raw) count(query string, args ...any) (n int) {
	r.t.Helper()
	require.NoError(r.t, r.conn.QueryRowContext(r.ctx, query, args...).Scan(&n), query)
	return n
}

// rows returns the rows of a query, every value as text.
func (r *raw) rows(query string, args ...any) (all [][]string) {
	r.t.Helper()
	result, err := r.conn.QueryContext(r.ctx, query, args...)
	require.NoError(r.t, err, query)
	defer result.Close() //nolint:errcheck // Err reports the error
	columns, err := result.Columns()
	require.NoError(r.t, err, query)
	for result.Next() {
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		require.NoError(r.t, result.Scan(into...), query)
		row := make([]string, len(columns))
		for i, v := range values {
			row[i] = v.String
		}
		all = append(all, row)
	}
	require.NoError(r.t, result.Err(), query)
	return all
}

func (r *raw) exec(statement string) {
	r.t.Helper()
	_, err := r.conn.ExecContext(r.ctx, statement)
	require.NoError(r.t, err, statement)
}

// Postgres returns a connection to a PostgreSQL database without the store, for tests of features that only this
// database has. It ends with the test.
func (d Database) Postgres(t testing.TB) *pgx.Conn {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, d.opts.URL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(ctx) }) // the database is dropped with the test
	return conn
}

// Count returns the number that a query selects, without the store.
func (d Database) Count(t testing.TB, query string, args ...any) int {
	t.Helper()
	r := d.raw(t)
	defer r.close()
	return r.count(query, args...)
}

// Break changes rows without the store and without foreign keys, as only a fault of the program or of the disk could.
func (d Database) Break(t testing.TB, statement string) {
	t.Helper()
	r := d.raw(t)
	defer r.close()
	if d.Kind == Postgres {
		r.exec("SET session_replication_role = replica")
	} else {
		r.exec("PRAGMA foreign_keys = OFF")
	}
	r.exec(statement)
}
