package postgres

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lethe-chat/lethe/internal/fault"
)

// Versions of pgvector. Below the first, searches of halfvec can return wrong results.
// Below the second, a vacuum could damage an HNSW index.
var (
	requiredVector = [3]int{0, 8, 0}
	advisedVector  = [3]int{0, 8, 4}
)

// prepareDatabase creates the extension pgvector if it is missing. It runs before any
// connection asks for the types of pgvector. It reports whether the tables are distributed.
func prepareDatabase(ctx context.Context, config *pgx.ConnConfig, logger *slog.Logger) (distributed bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return false, unreachable(config, err)
	}
	defer conn.Close(ctx) //nolint:errcheck // it was only read
	if err := refusePooler(ctx, conn, config); err != nil {
		return false, err
	}
	found, err := findVector(ctx, conn)
	if errors.Is(err, pgx.ErrNoRows) {
		if _, err = conn.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS vector"); err == nil || isDuplicate(err) {
			found, err = findVector(ctx, conn) // succeeds also if another program has just created it
		}
	}
	if err != nil {
		return false, vectorFault(config, err)
	}
	switch version := parseVersion(found.version); {
	case older(version, requiredVector):
		return false, fault.New(fault.Unavailable, "the database has pgvector %s, Lethe needs 0.8.0 or newer: install it and run ALTER EXTENSION vector UPDATE", found.version)
	case !found.visible:
		return false, fault.New(fault.Unavailable, "pgvector is in the schema %q, where this user does not look: add search_path=public,%s to LETHE_DATABASE_URL", found.schema, found.schema)
	case older(version, advisedVector):
		logger.Warn("this pgvector has known faults in vacuuming vector indexes; 0.8.4 or newer is advised", "version", found.version)
	}
	distributed, err = isDistributed(ctx, conn)
	if err != nil {
		return false, unreachable(config, err)
	}
	return distributed, nil
}

// extension describes the pgvector of a database.
type extension struct {
	version, schema string
	visible         bool // in the search_path of our connections
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

// vectorFault says what to do when pgvector is missing and cannot be created.
func vectorFault(config *pgx.ConnConfig, err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return unreachable(config, err)
	}
	switch pg.Code {
	case insufficientPrivilege:
		return fault.Wrap(fault.Unavailable, err, "the database has no pgvector and this user may not add it: run CREATE EXTENSION vector as a superuser")
	case featureNotSupported, undefinedFile: // depending on the server's version
		return fault.Wrap(fault.Unavailable, err, "the PostgreSQL server has no pgvector: install it (0.8.4 or newer), for instance the package postgresql-17-pgvector or the image pgvector/pgvector")
	case readOnlyTransaction:
		return fault.Wrap(fault.Unavailable, err, "the database has no pgvector and takes no changes; is LETHE_DATABASE_URL the address of a replica?")
	default:
		return fault.Wrap(fault.Unavailable, err, "the database has no pgvector and it could not be added: run CREATE EXTENSION vector")
	}
}

func parseVersion(s string) (v [3]int) {
	for i, part := range strings.SplitN(s, ".", 3) {
		v[i], _ = strconv.Atoi(part) // a part that is not a number counts as 0
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
