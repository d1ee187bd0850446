// Package postgres is the database of a store that is a PostgreSQL with pgvector: its
// pool, its full-text search, the search of its vectors with and without an index, and
// the upkeep of its tables.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"strings"
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
	shared  *sql.DB       // what handle sends its statements through; it takes connections from pool
	pool    *pgxpool.Pool // for upkeep that GORM has no words for
	indexes knownIndexes
}

var _ dialect.Database = (*Database)(nil)

// How a connection behaves unless the URL says otherwise. A statement that runs
// longer than the time-out is a mistake or an attack: every one of ours is far
// below it, and whoever asked has gone.
var parameters = map[string]string{
	"statement_timeout":                   "60s",
	"lock_timeout":                        "20s",
	"idle_in_transaction_session_timeout": "60s",
	"timezone":                            "UTC",
	"application_name":                    "lethe",
}

const (
	connectTimeout = 10 * time.Second
	// How long a connection that was not used for a second may take to say that it
	// still lives, before another is taken.
	pingTimeout  = 2 * time.Second
	closeTimeout = 3 * time.Second
	// How many connections there may be unless the URL says otherwise (pool_max_conns):
	// enough that a few slow statements do not hold up the quick ones.
	maxConns = 10
)

// Open connects to the database of a URL and adds pgvector to it when it is missing.
// The errors are faults: Invalid for what is no URL of PostgreSQL, Unavailable for a
// database that cannot be reached or has no pgvector that will do.
func Open(ctx context.Context, url string, config dialect.Config) (*Database, error) {
	settings, err := poolSettings(url)
	if err != nil {
		return nil, err
	}
	if err := prepareDatabase(ctx, settings.ConnConfig, config.Logger); err != nil {
		return nil, err
	}
	if config.Trace != nil {
		settings.ConnConfig.Tracer = tracer(config.Trace)
		config.Trace = nil // GORM's statements come by the same way
	}
	pool, err := pgxpool.NewWithConfig(ctx, settings)
	if err != nil {
		return nil, unreachable(settings.ConnConfig, err)
	}
	d := &Database{config: config, pool: pool, shared: stdlib.OpenDBFromPool(pool)}
	d.handle, err = config.GORM(postgres.New(postgres.Config{Conn: copyingPool{d.shared}}))
	if err != nil {
		return nil, errors.Join(unreachable(settings.ConnConfig, err), d.Close())
	}
	return d, nil
}

// poolSettings are those of the URL, and ours where it says nothing.
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
	settings.AfterConnect = pgxvector.RegisterTypes // vectors travel in binary
	return settings, nil
}

// Kind is "postgres".
func (*Database) Kind() string { return "postgres" }

// Read is the one handle.
func (d *Database) Read() *gorm.DB { return d.handle }

// Write is the one handle.
func (d *Database) Write() *gorm.DB { return d.handle }

// SnapshotOptions are those of a transaction that sees one moment.
func (*Database) SnapshotOptions() *sql.TxOptions {
	return &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
}

// ExactLimit is DefaultExactLimit.
func (*Database) ExactLimit() int { return DefaultExactLimit }

// Abilities are a leader, because several programs share a server, and indexes of large
// spaces.
func (d *Database) Abilities() dialect.Abilities {
	return dialect.Abilities{Leader: d, VectorIndexer: d}
}

// Close ends the connections in order, but does not wait long for one that broke.
func (d *Database) Close() error {
	err := d.shared.Close()
	closePool(d.pool)
	return err
}

// closePool says goodbye to the server on every connection, but does not wait for
// one that has vanished: the program is about to end.
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
