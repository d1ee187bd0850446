package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	pgxvector "github.com/pgvector/pgvector-go/pgx"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/fault"
)

type postgresDialect struct{ indexes *knownIndexes }

// How a connection behaves unless the URL says otherwise. A statement that runs
// longer than the time-out is a mistake or an attack: every one of ours is far
// below it, and whoever asked has gone.
var postgresDefaults = map[string]string{
	"statement_timeout":                   "60s",
	"lock_timeout":                        "20s",
	"idle_in_transaction_session_timeout": "60s",
	"timezone":                            "UTC",
	"application_name":                    "lethe",
}

const (
	postgresConnectTimeout = 10 * time.Second
	// How long a connection that was not used for a second may take to say that it
	// still lives, before another is taken.
	postgresPingTimeout  = 2 * time.Second
	postgresCloseTimeout = 3 * time.Second
	// How many connections there may be unless the URL says otherwise (pool_max_conns):
	// enough that a few slow statements do not hold up the quick ones.
	postgresMaxConns = 10
)

func openPostgres(ctx context.Context, o Options) (*Store, error) {
	config, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		return nil, fault.Invalidf("LETHE_DATABASE_URL is not a PostgreSQL address; it looks like postgres://user:password@host:5432/database")
	}
	for name, value := range postgresDefaults {
		if _, set := config.ConnConfig.RuntimeParams[name]; !set {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = postgresConnectTimeout
	}
	if err := preparePostgres(ctx, config.ConnConfig, o.Logger); err != nil {
		return nil, err
	}
	config.PingTimeout = postgresPingTimeout
	if !strings.Contains(o.URL, "pool_max_conns") {
		config.MaxConns = max(config.MaxConns, postgresMaxConns)
	}
	config.AfterConnect = pgxvector.RegisterTypes // vectors travel in binary
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, unreachable(config.ConnConfig, err)
	}
	db := stdlib.OpenDBFromPool(pool)
	handle, err := gorm.Open(postgres.New(postgres.Config{Conn: copyingPool{db, o.Trace}}), gormConfig(o))
	if err != nil {
		return nil, errors.Join(unreachable(config.ConnConfig, err), db.Close())
	}
	return &Store{
		read: handle, write: handle, dialect: postgresDialect{new(knownIndexes)}, exactLimit: DefaultExactLimit, now: o.Now, pool: pool,
		closers: []func() error{func() error { closePool(pool); return nil }},
	}, nil
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
	case <-time.After(postgresCloseTimeout):
	}
}

// unreachable says why there is no connection.
func unreachable(config *pgx.ConnConfig, err error) error {
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg) && pg.Code == unknownDatabase:
		return fault.Wrap(fault.Unavailable, err, "the PostgreSQL server has no database %q; create it, or correct LETHE_DATABASE_URL", config.Database)
	case errors.As(err, &pg) && strings.HasPrefix(pg.Code, authorizationClass):
		return fault.Wrap(fault.Unavailable, err, "the PostgreSQL server refuses the user and password of LETHE_DATABASE_URL")
	}
	return fault.Wrap(fault.Unavailable, err, "the PostgreSQL of LETHE_DATABASE_URL cannot be reached; is it running, and is its address right?")
}

// The versions of pgvector: below the first, halfvec searches can be wrong;
// below the second, vacuuming an HNSW index could leave it damaged.
var (
	requiredVector = [3]int{0, 8, 0}
	advisedVector  = [3]int{0, 8, 4}
)

// preparePostgres makes sure that the database has pgvector, before any
// connection asks for its types.
func preparePostgres(ctx context.Context, config *pgx.ConnConfig, logger *slog.Logger) error {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return unreachable(config, err)
	}
	defer conn.Close(ctx) //nolint:errcheck // it was only looked through
	found, err := findVector(ctx, conn)
	if errors.Is(err, pgx.ErrNoRows) {
		if _, err = conn.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS vector"); err == nil || isDuplicate(err) {
			found, err = findVector(ctx, conn) // also after another program has made it in the same moment
		}
	}
	if err != nil {
		return vectorFault(config, err)
	}
	switch version := parseVersion(found.version); {
	case older(version, requiredVector):
		return fault.New(fault.Unavailable, "the database has pgvector %s, Lethe needs 0.8.0 or newer: install it and run ALTER EXTENSION vector UPDATE", found.version)
	case !found.visible:
		return fault.New(fault.Unavailable, "pgvector is in the schema %q, where this user does not look: add search_path=public,%s to LETHE_DATABASE_URL", found.schema, found.schema)
	case older(version, advisedVector):
		logger.Warn("this pgvector has known faults in vacuuming vector indexes; 0.8.4 or newer is advised", "version", found.version)
	}
	return nil
}

// extension is the pgvector that a database has.
type extension struct {
	version, schema string
	visible         bool // by the search_path of our connections
}

func findVector(ctx context.Context, conn *pgx.Conn) (x extension, err error) {
	err = conn.QueryRow(ctx, `SELECT e.extversion, n.nspname, to_regtype('halfvec') IS NOT NULL
		FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'vector'`).
		Scan(&x.version, &x.schema, &x.visible)
	return x, err
}

func isDuplicate(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == uniqueViolation || pg.Code == duplicateObject)
}

// vectorFault says what to do when pgvector is not there and could not be added.
func vectorFault(config *pgx.ConnConfig, err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return unreachable(config, err)
	}
	switch pg.Code {
	case insufficientPrivilege:
		return fault.Wrap(fault.Unavailable, err, "the database has no pgvector and this user may not add it: run CREATE EXTENSION vector as a superuser")
	case featureNotSupported, undefinedFile: // which one, depends on the server's version
		return fault.Wrap(fault.Unavailable, err, "the PostgreSQL server has no pgvector: install it (0.8.4 or newer), for instance the package postgresql-17-pgvector or the image pgvector/pgvector")
	case readOnlyTransaction:
		return fault.Wrap(fault.Unavailable, err, "the database has no pgvector and takes no changes; is LETHE_DATABASE_URL the address of a replica?")
	default:
		return fault.Wrap(fault.Unavailable, err, "the database has no pgvector and it could not be added: run CREATE EXTENSION vector")
	}
}

func parseVersion(s string) (v [3]int) {
	for i, part := range strings.SplitN(s, ".", 3) {
		v[i], _ = strconv.Atoi(part) // an odd part counts as 0
	}
	return v
}

func older(a, b [3]int) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

func (postgresDialect) name() string { return "postgres" }

func (postgresDialect) snapshot() *sql.TxOptions {
	return &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
}

// SQLSTATEs, from the appendix "PostgreSQL Error Codes" of its manual.
const (
	serializationFailure  = "40001"
	deadlockDetected      = "40P01"
	queryCanceled         = "57014"
	lockNotAvailable      = "55P03"
	diskFull              = "53100"
	idleInTransaction     = "25P03" // and the connection with it
	readOnlyTransaction   = "25006"
	insufficientPrivilege = "42501"
	featureNotSupported   = "0A000"
	undefinedFile         = "58P01"
	uniqueViolation       = "23505"
	duplicateObject       = "42710"
	unknownDatabase       = "3D000"
	adminShutdown         = "57P01"
	crashShutdown         = "57P02"
	authorizationClass    = "28"
	connectionClass       = "08"
	resourcesClass        = "53"
	interventionClass     = "57"
	systemClass           = "58" // the server's own disk or machine
)

func (postgresDialect) transient(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == serializationFailure || pg.Code == deadlockDetected)
}

func (postgresDialect) fault(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		var connect *pgconn.ConnectError
		if errors.As(err, &connect) || pgconn.Timeout(err) || isConnectionLoss(err) {
			return fault.Wrap(fault.Unavailable, err, "the database cannot be reached; try again")
		}
		return nil
	}
	switch {
	case pg.Code == queryCanceled, pg.Code == idleInTransaction:
		return fault.Wrap(fault.Unavailable, err, "the database took too long; try again")
	case pg.Code == lockNotAvailable, pg.Code == serializationFailure, pg.Code == deadlockDetected:
		return fault.Wrap(fault.Unavailable, err, "the database is busy with the same data; try again")
	case pg.Code == diskFull:
		return fault.Wrap(fault.Unavailable, err, "the disk of the database is full; free some space and try again")
	case pg.Code == readOnlyTransaction:
		return fault.Wrap(fault.Unavailable, err, "the database takes no changes at the moment; if that lasts, LETHE_DATABASE_URL may be the address of a replica")
	case pg.Code == insufficientPrivilege:
		return fault.Wrap(fault.Unavailable, err, "the user in LETHE_DATABASE_URL lacks a right: it must own Lethe's tables, or may make them in the schema")
	case slices.Contains([]string{connectionClass, resourcesClass, interventionClass, systemClass}, pg.Code[:min(2, len(pg.Code))]):
		return fault.Wrap(fault.Unavailable, err, "the database is not answering; try again")
	}
	return nil
}

func (postgresDialect) month(column string) string {
	return fmt.Sprintf("to_char(to_timestamp(%s / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM')", column)
}

func (postgresDialect) disconnected(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == adminShutdown || pg.Code == crashShutdown
	}
	return isConnectionLoss(err)
}

// isConnectionLoss reports whether the connection broke under a statement, or was
// broken before it.
func isConnectionLoss(err error) bool {
	return pgconn.SafeToRetry(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, driver.ErrBadConn)
}
