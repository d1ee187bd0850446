package sqlite

import (
	"context"
	"errors"
	"syscall"

	"github.com/ncruces/go-sqlite3"

	"github.com/lethe-chat/lethe/internal/fault"
)

func unopenable(path string, err error) error {
	switch {
	case errors.Is(err, sqlite3.NOTADB):
		return fault.Wrap(fault.Unavailable, err, "%s is not an SQLite database; move it away, or set LETHE_DATA_DIR to another directory", path)
	case errors.Is(err, sqlite3.INTERRUPT), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(fault.Canceled, err, "opening the database file %s was canceled or took too long", path)
	case errors.Is(err, sqlite3.FULL), errors.Is(err, syscall.ENOSPC):
		return fault.Wrap(fault.Unavailable, err, "cannot open the database file %s: %s", path, diskFull)
	case errors.Is(err, sqlite3.BUSY):
		return fault.Wrap(fault.Unavailable, err, "the database file %s is held by another program; end it, or try again", path)
	}
	return fault.Wrap(fault.Unavailable, err, "cannot open the database file %s", path)
}

// Transient reports that another process held the file for longer than busy_timeout.
func (*Database) Transient(err error) bool { return errors.Is(err, sqlite3.BUSY) }

// Disconnected is always false, because a file has no connection that could break.
func (*Database) Disconnected(error) bool { return false }

// Fault translates SQLite's result codes.
func (*Database) Fault(err error) error {
	switch {
	case errors.Is(err, sqlite3.INTERRUPT):
		return fault.Wrap(fault.Canceled, err, "the request was canceled or took too long")
	case errors.Is(err, sqlite3.FULL):
		return fault.Wrap(fault.Unavailable, err, "%s", diskFull)
	case errors.Is(err, sqlite3.BUSY):
		return fault.Wrap(fault.Unavailable, err, "the database is busy with another program; try again")
	case errors.Is(err, sqlite3.CORRUPT), errors.Is(err, sqlite3.NOTADB):
		return fault.Wrap(fault.Internal, err, "the database file is damaged")
	case errors.Is(err, sqlite3.READONLY), errors.Is(err, sqlite3.CANTOPEN), errors.Is(err, sqlite3.IOERR):
		return fault.Wrap(fault.Unavailable, err, "the database file cannot be written or read")
	}
	return nil
}
