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

type postgresDialect struct{}

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

const postgresConnectTimeout = 10 * time.Second

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
	config.AfterConnect = pgxvector.RegisterTypes // vectors travel in binary
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, unreachable(config.ConnConfig, err)
	}
	db := stdlib.OpenDBFromPool(pool)
	handle, err := gorm.Open(postgres.New(postgres.Config{Conn: db}), gormConfig(o))
	if err != nil {
		return nil, errors.Join(unreachable(config.ConnConfig, err), db.Close())
	}
	return &Store{
		read: handle, write: handle, dialect: postgresDialect{}, now: o.Now, pool: pool,
		closers: []func() error{func() error { pool.Close(); return nil }},
	}, nil
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
	var version string
	err = conn.QueryRow(ctx, "SELECT extversion FROM pg_extension WHERE extname = 'vector'").Scan(&version)
	if errors.Is(err, pgx.ErrNoRows) {
		version, err = createVector(ctx, conn)
	}
	if err != nil {
		return err
	}
	switch found := parseVersion(version); {
	case older(found, requiredVector):
		return fault.New(fault.Unavailable, "the database has pgvector %s, Lethe needs 0.8.0 or newer: install it and run ALTER EXTENSION vector UPDATE", version)
	case older(found, advisedVector):
		logger.Warn("this pgvector has known faults in vacuuming vector indexes; 0.8.4 or newer is advised", "version", version)
	}
	return nil
}

func createVector(ctx context.Context, conn *pgx.Conn) (version string, err error) {
	if _, err = conn.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS vector"); err == nil {
		err = conn.QueryRow(ctx, "SELECT extversion FROM pg_extension WHERE extname = 'vector'").Scan(&version)
	}
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return version, nil
	case errors.As(err, &pg) && pg.Code == "23505": // another program was creating it in the same moment
		return createVector(ctx, conn)
	case errors.As(err, &pg) && (pg.Code == "42501"): // insufficient privilege
		return "", fault.Wrap(fault.Unavailable, err, "the database has no pgvector and this user may not add it: run CREATE EXTENSION vector as a superuser")
	default:
		return "", fault.Wrap(fault.Unavailable, err, "the PostgreSQL server has no pgvector: install it (0.8.4 or newer), for instance the package postgresql-17-pgvector or the image pgvector/pgvector")
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
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	queryCanceled        = "57014"
	lockNotAvailable     = "55P03"
	diskFull             = "53100"
	unknownDatabase      = "3D000"
	authorizationClass   = "28"
	connectionClass      = "08"
	resourcesClass       = "53"
	interventionClass    = "57"
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
	case pg.Code == queryCanceled:
		return fault.Wrap(fault.Unavailable, err, "the database took too long; try again")
	case pg.Code == lockNotAvailable, pg.Code == serializationFailure, pg.Code == deadlockDetected:
		return fault.Wrap(fault.Unavailable, err, "the database is busy with the same data; try again")
	case pg.Code == diskFull:
		return fault.Wrap(fault.Unavailable, err, "the disk of the database is full; free some space and try again")
	case strings.HasPrefix(pg.Code, connectionClass), strings.HasPrefix(pg.Code, resourcesClass), strings.HasPrefix(pg.Code, interventionClass):
		return fault.Wrap(fault.Unavailable, err, "the database is not answering; try again")
	}
	return nil
}

func (postgresDialect) month(column string) string {
	return fmt.Sprintf("to_char(to_timestamp(%s / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM')", column)
}

// isConnectionLoss reports whether the connection broke under a statement.
func isConnectionLoss(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, driver.ErrBadConn)
}
