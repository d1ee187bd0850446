package store

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"math/bits"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
	"github.com/ncruces/go-sqlite3/ext/fts5"
	"github.com/ncruces/go-sqlite3/gormlite"
	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/fault"
)

// sqlitePragmas are set on every connection, because SQLite forgets most of
// them with the connection. The order matters: first of all, wait for locks.
//
//   - page_size, of a file that is new: a vector of 512 numbers has 2 KiB, so a
//     page of 4 KiB holds one and wastes the rest. Larger pages make the file a
//     third smaller, and deletes and scans of vectors faster.
//   - foreign_keys: the delete is a cascade; without it children would stay.
//   - synchronous FULL: an answered delete survives a power cut.
//   - secure_delete: a freed page is overwritten with zeros at the commit.
//   - journal_mode WAL: readers never wait for the writer.
var sqlitePragmas = []string{
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

type sqliteDialect struct{}

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
	write, err := openSQLitePool(ctx, o, url.Values{"_txlock": {"immediate"}}, 1)
	if err != nil {
		return nil, err
	}
	read, err := openSQLitePool(ctx, o, url.Values{"_txlock": {"deferred"}, "_pragma": {"query_only(on)"}}, max(4, 2*runtime.NumCPU()))
	if err != nil {
		return nil, errors.Join(err, (&Store{read: write, write: write}).Close())
	}
	s := &Store{read: read, write: write, dialect: sqliteDialect{}, now: o.Now}
	for _, beside := range []string{"-wal", "-shm"} { // made by now, and as private as the file itself
		if err := os.Chmod(o.Path+beside, 0o600); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, errors.Join(fault.Wrap(fault.Unavailable, err, "cannot make %s private", o.Path+beside), s.Close())
		}
	}
	return s, nil
}

func openSQLitePool(ctx context.Context, o Options, settings url.Values, conns int) (*gorm.DB, error) {
	dsn := (&url.URL{Scheme: "file", Opaque: url.PathEscape(filepath.ToSlash(o.Path)), RawQuery: settings.Encode()}).String()
	inner, err := (&driver.SQLite{}).OpenConnector(dsn)
	if err != nil {
		return nil, unopenable(o.Path, err)
	}
	pool := sql.OpenDB(connector{inner})
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

// connectionMemory is how many bytes SQLite may use for one connection. Before a
// statement changes pages it copies them, to undo it if it fails; the copies are
// kept in memory (temp_store), because a file of them would be one more place with
// people's texts in it. So the limit bounds what one statement may delete. Memory
// is taken as it is needed, and running out of it breaks the connection for good.
const connectionMemory = 2 << 30

// connector opens connections as we need them. It is asked more than once: a
// connection whose transaction was canceled is thrown away.
type connector struct{ sqldriver.Connector }

// Connect opens a connection.
func (c connector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	if bits.UintSize == 64 { // elsewhere there is no room for more than is usual
		ctx = sqlite3.WithMaxMemory(ctx, connectionMemory)
	}
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := setUp(conn.(driver.Conn).Raw()); err != nil { //nolint:forcetypeassert // it is the driver's own
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

func setUp(conn *sqlite3.Conn) error {
	if err := fts5.RegisterCustom(conn, registerScore); err != nil { // a module of its own in this build of SQLite
		return fmt.Errorf("full-text search: %w", err)
	}
	for _, pragma := range sqlitePragmas {
		if err := conn.Exec("PRAGMA " + pragma); err != nil {
			return fmt.Errorf("PRAGMA %s: %w", pragma, err)
		}
	}
	return nil
}

func unopenable(path string, err error) error {
	if errors.Is(err, sqlite3.NOTADB) {
		return fault.Wrap(fault.Unavailable, err, "%s is not an SQLite database; move it away, or set LETHE_DATA_DIR to another directory", path)
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
