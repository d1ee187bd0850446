package postgres

import (
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lethe-chat/lethe/internal/fault"
)

// unreachable explains why there is no connection.
func unreachable(config *pgx.ConnConfig, err error) error {
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg) && pg.Code == unknownDatabase:
		return fault.Wrap(fault.Unavailable, err, "the PostgreSQL server has no database %q; create it, or correct LETHE_DATABASE_URL", config.Database)
	case errors.As(err, &pg) && strings.HasPrefix(pg.Code, authorizationClass):
		return fault.Wrap(fault.Unavailable, err, "the PostgreSQL server refuses the user and password of LETHE_DATABASE_URL. "+
			"A database in a Docker volume keeps the password with which the volume was made: set POSTGRES_PASSWORD back to that one, "+
			"or change it in the database with ALTER ROLE")
	}
	if errors.As(err, &pg) && pg.Code == protocolViolation && strings.Contains(pg.Message, "startup parameter") {
		return fault.Wrap(fault.Unavailable, err, poolerRefused)
	}
	return fault.Wrap(fault.Unavailable, err, "the PostgreSQL of LETHE_DATABASE_URL cannot be reached; is it running, and is its address right?")
}

// SQLSTATEs, from the appendix "PostgreSQL Error Codes" of its manual.
const (
	serializationFailure  = "40001"
	deadlockDetected      = "40P01"
	queryCanceled         = "57014"
	lockNotAvailable      = "55P03"
	diskFull              = "53100"
	idleInTransaction     = "25P03" // this ends the connection too
	readOnlyTransaction   = "25006"
	insufficientPrivilege = "42501"
	featureNotSupported   = "0A000"
	undefinedFile         = "58P01"
	uniqueViolation       = "23505"
	duplicateObject       = "42710"
	unknownDatabase       = "3D000"
	adminShutdown         = "57P01"
	crashShutdown         = "57P02"
	protocolViolation     = "08P01"
	authorizationClass    = "28"
	connectionClass       = "08"
	resourcesClass        = "53"
	interventionClass     = "57"
	systemClass           = "58" // an error of the server's system, such as its disk
)

// Transient reports that two transactions collided.
func (*Database) Transient(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == serializationFailure || pg.Code == deadlockDetected)
}

// Fault translates SQLSTATEs and broken connections.
func (*Database) Fault(err error) error {
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

// Disconnected reports that the server was shut down or the connection broke.
func (*Database) Disconnected(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == adminShutdown || pg.Code == crashShutdown
	}
	return isConnectionLoss(err)
}

// isConnectionLoss reports whether the connection broke before or during a statement.
func isConnectionLoss(err error) bool {
	return pgconn.SafeToRetry(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, driver.ErrBadConn)
}
