// Package postgres is the store's PostgreSQL database with pgvector: its pool, full-text
// search, search of vectors with and without an index, and upkeep of tables.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	pgxvector "github.com/pgvector/pgvector-go/pgx"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Database is an open PostgreSQL database. It is safe for concurrent use.
type Database struct {
	config  dialect.Config
	handle  *gorm.DB
	shared  *sql.DB       // the handle's connections, from pool
	pool    *pgxpool.Pool // for upkeep that GORM cannot express
	indexes knownIndexes
	terms   atomic.Pointer[termKey] // once it was read

	distributed bool        // by Citus, over several servers; known since the database was opened
	told        atomic.Bool // that a server of a distributed database does not answer
}

var _ dialect.Database = (*Database)(nil)

// Defaults of a connection; the URL can change them. A statement that exceeds the
// time-out is a mistake or an attack: our own statements are much faster, and the caller
// no longer waits.
var parameters = map[string]string{
	"statement_timeout":                   "60s",
	"lock_timeout":                        "20s",
	"idle_in_transaction_session_timeout": "60s",
	"timezone":                            "UTC",
	"application_name":                    "lethe",
}

const (
	connectTimeout = 10 * time.Second
	// How long a connection that was unused for a second may take to answer, before
	// another one is used.
	pingTimeout  = 2 * time.Second
	closeTimeout = 3 * time.Second
	// The largest number of connections unless the URL says otherwise (pool_max_conns).
	// It is high enough that a few slow statements do not block the fast ones.
	maxConns = 10
)

// Open connects to a database and creates the extension pgvector if it is missing. The
// errors are faults: Invalid when the URL is not one of PostgreSQL, Unavailable when the
// database cannot be reached or has no suitable pgvector.
func Open(ctx context.Context, url string, config dialect.Config) (*Database, error) {
	settings, err := poolSettings(url)
	if err != nil {
		return nil, err
	}
	distributed, err := prepareDatabase(ctx, settings.ConnConfig, config.Logger)
	if err != nil {
		return nil, err
	}
	if config.Trace != nil {
		settings.ConnConfig.Tracer = tracer(config.Trace)
		config.Trace = nil // the tracer receives GORM's statements too
	}
	pool, err := pgxpool.NewWithConfig(ctx, settings)
	if err != nil {
		return nil, unreachable(settings.ConnConfig, err)
	}
	d := &Database{config: config, pool: pool, shared: stdlib.OpenDBFromPool(pool), distributed: distributed}
	d.handle, err = config.GORM(postgres.New(postgres.Config{Conn: copyingPool{d.shared}}))
	if err != nil {
		return nil, errors.Join(unreachable(settings.ConnConfig, err), d.Close())
	}
	return d, nil
}

// poolSettings returns the settings of the URL, with our defaults.
func poolSettings(url string) (*pgxpool.Config, error) {
	settings, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fault.Invalidf("LETHE_DATABASE_URL is not a PostgreSQL address; it looks like postgres://user:password@host:5432/database")
	}
	for name, value := range parameters {
		if _, set := settings.ConnConfig.RuntimeParams[name]; !set {
			settings.ConnConfig.RuntimeParams[name] = value
		}
	}
	if settings.ConnConfig.ConnectTimeout == 0 {
		settings.ConnConfig.ConnectTimeout = connectTimeout
	}
	settings.PingTimeout = pingTimeout
	if !strings.Contains(url, "pool_max_conns") {
		settings.MaxConns = max(settings.MaxConns, maxConns)
	}
	settings.AfterConnect = pgxvector.RegisterTypes // vectors are sent in binary
	return settings, nil
}

// Kind is "postgres".
func (*Database) Kind() string { return "postgres" }

// Read returns the only handle.
func (d *Database) Read() *gorm.DB { return d.handle }

// Write returns the only handle.
func (d *Database) Write() *gorm.DB { return d.handle }

// SnapshotOptions are the options of a transaction that sees one state.
func (*Database) SnapshotOptions() *sql.TxOptions {
	return &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
}

// ExactLimit is DefaultExactLimit.
func (*Database) ExactLimit() int { return DefaultExactLimit }

// Abilities returns a leader, because several programs may share a server, indexes for
// large spaces, and claims by workspace where the tables are distributed.
func (d *Database) Abilities() dialect.Abilities {
	abilities := dialect.Abilities{Leader: d, VectorIndexer: d}
	if d.distributed {
		abilities.Spread = spread{d}
	}
	return abilities
}

// Close closes the connections in order, and waits only briefly for a broken one.
func (d *Database) Close() error {
	err := d.shared.Close()
	closePool(d.pool)
	return err
}

// closePool closes every connection, but does not wait for a server that no longer
// answers, because the program is about to end.
func closePool(pool *pgxpool.Pool) {
	closed := make(chan struct{})
	go func() {
		pool.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(closeTimeout):
	}
}
