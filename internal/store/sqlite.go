package store

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
	"github.com/ncruces/go-sqlite3/gormlite"
	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/fault"
)

type sqliteDialect struct{ codes *codes }

func openSQLite(ctx context.Context, o Options) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(o.Path), 0o700); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "cannot make the data directory %s; set LETHE_DATA_DIR to one you may write", filepath.Dir(o.Path))
	}
	// The file holds people's thoughts: nobody else on the machine may read it.
	file, err := os.OpenFile(o.Path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, unopenable(o.Path, err)
	}
	if err := file.Close(); err != nil {
		return nil, unopenable(o.Path, err)
	}
	codes := newCodes(maxCodeBytes)
	write, err := openSQLitePool(ctx, o, codes, url.Values{"_txlock": {"immediate"}}, 1)
	if err != nil {
		return nil, err
	}
	read, err := openSQLitePool(ctx, o, nil, url.Values{"_txlock": {"deferred"}, "_pragma": {"query_only(on)"}}, max(4, 2*runtime.NumCPU()))
	if err != nil {
		return nil, errors.Join(err, (&Store{read: write, write: write}).Close())
	}
	s := &Store{read: read, write: write, dialect: sqliteDialect{codes: codes}, now: o.Now, exactLimit: DefaultUncoded}
	for _, beside := range []string{"-wal", "-shm"} { // made by now, and as private as the file itself
		if err := os.Chmod(o.Path+beside, 0o600); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, errors.Join(fault.Wrap(fault.Unavailable, err, "cannot make %s private", o.Path+beside), s.Close())
		}
	}
	return s, nil
}

// openSQLitePool opens a pool of connections; those of the one that writes tell the
// codes what they change.
func openSQLitePool(ctx context.Context, o Options, tell *codes, settings url.Values, conns int) (*gorm.DB, error) {
	settings.Set("modeof", o.Path) // a log that is made later is as private as the file
	dsn := (&url.URL{Scheme: "file", Opaque: url.PathEscape(filepath.ToSlash(o.Path)), RawQuery: strings.ReplaceAll(settings.Encode(), "+", "%20")}).String()
	inner, err := (&driver.SQLite{}).OpenConnector(dsn)
	if err != nil {
		return nil, unopenable(o.Path, err)
	}
	pool := sql.OpenDB(connector{inner, tell})
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(unopenable(o.Path, err), pool.Close())
	}
	db, err := gorm.Open(gormlite.OpenDB(pool), gormConfig(o))
	if err != nil {
		return nil, errors.Join(unopenable(o.Path, err), pool.Close())
	}
	return db, nil
}

func unopenable(path string, err error) error {
	switch {
	case errors.Is(err, sqlite3.NOTADB):
		return fault.Wrap(fault.Unavailable, err, "%s is not an SQLite database; move it away, or set LETHE_DATA_DIR to another directory", path)
	case errors.Is(err, sqlite3.INTERRUPT), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(fault.Canceled, err, "opening the database file %s was canceled or took too long", path)
	case errors.Is(err, sqlite3.BUSY):
		return fault.Wrap(fault.Unavailable, err, "the database file %s is held by another program; end it, or try again", path)
	}
	return fault.Wrap(fault.Unavailable, err, "cannot open the database file %s", path)
}

func (sqliteDialect) name() string { return "sqlite" }

// snapshot: in WAL mode any read transaction sees one moment.
func (sqliteDialect) snapshot() *sql.TxOptions { return &sql.TxOptions{ReadOnly: true} }

// transient: another process held the file longer than busy_timeout.
func (sqliteDialect) transient(err error) bool { return errors.Is(err, sqlite3.BUSY) }

// disconnected: a file has no connection that could break.
func (sqliteDialect) disconnected(error) bool { return false }

func (sqliteDialect) fault(err error) error {
	switch {
	case errors.Is(err, sqlite3.INTERRUPT):
		return fault.Wrap(fault.Canceled, err, "the request was canceled or took too long")
	case errors.Is(err, sqlite3.FULL):
		return fault.Wrap(fault.Unavailable, err, "the disk of the database is full; free some space and try again")
	case errors.Is(err, sqlite3.BUSY):
		return fault.Wrap(fault.Unavailable, err, "the database is busy with another program; try again")
	case errors.Is(err, sqlite3.CORRUPT), errors.Is(err, sqlite3.NOTADB):
		return fault.Wrap(fault.Internal, err, "the database file is damaged")
	case errors.Is(err, sqlite3.READONLY), errors.Is(err, sqlite3.CANTOPEN), errors.Is(err, sqlite3.IOERR):
		return fault.Wrap(fault.Unavailable, err, "the database file cannot be written or read")
	}
	return nil
}

func (sqliteDialect) month(column string) string {
	return "strftime('%Y-%m', " + column + " / 1000000, 'unixepoch')"
}
