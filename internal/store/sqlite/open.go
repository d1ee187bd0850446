// Package sqlite is the database of a store that is one SQLite file: its connections,
// its full-text index, the search of its vectors, and the upkeep of its file.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/ncruces/go-sqlite3/driver"
	"github.com/ncruces/go-sqlite3/gormlite"
	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/bitcode"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Database is an open SQLite file. It is safe for concurrent use.
type Database struct {
	config dialect.Config
	read   *gorm.DB
	write  *gorm.DB // one connection, so that writers queue here and not in the file's lock
	pools  []*sql.DB
	codes  *bitcode.Codes
}

var _ dialect.Database = (*Database)(nil)

// Open opens the file, and makes it and its directory when they are missing. The
// errors are faults of kind Unavailable or Canceled.
func Open(ctx context.Context, path string, config dialect.Config) (*Database, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "cannot make the data directory %s; set LETHE_DATA_DIR to one you may write", filepath.Dir(path))
	}
	// The file holds people's thoughts: nobody else on the machine may read it.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, unopenable(path, err)
	}
	if err := file.Close(); err != nil {
		return nil, unopenable(path, err)
	}
	d := &Database{config: config, codes: bitcode.New(codeBytes)}
	if d.write, err = d.openPool(ctx, path, d.codes, url.Values{"_txlock": {"immediate"}}, 1); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	readers := url.Values{"_txlock": {"deferred"}, "_pragma": {"query_only(on)"}}
	if d.read, err = d.openPool(ctx, path, nil, readers, max(4, 2*runtime.NumCPU())); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	for _, beside := range []string{"-wal", "-shm"} { // made by now, and as private as the file itself
		if err := os.Chmod(path+beside, 0o600); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, errors.Join(fault.Wrap(fault.Unavailable, err, "cannot make %s private", path+beside), d.Close())
		}
	}
	return d, nil
}

// openPool opens a pool of connections. Those of a pool that writes announce to the
// codes what they change; tell is nil for the others.
func (d *Database) openPool(ctx context.Context, path string, tell *bitcode.Codes, settings url.Values, conns int) (*gorm.DB, error) {
	settings.Set("modeof", path) // a log that is made later is as private as the file
	dsn := (&url.URL{Scheme: "file", Opaque: url.PathEscape(filepath.ToSlash(path)), RawQuery: strings.ReplaceAll(settings.Encode(), "+", "%20")}).String()
	inner, err := (&driver.SQLite{}).OpenConnector(dsn)
	if err != nil {
		return nil, unopenable(path, err)
	}
	pool := sql.OpenDB(connector{inner, tell})
	d.pools = append(d.pools, pool)
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	if err := pool.PingContext(ctx); err != nil {
		return nil, unopenable(path, err)
	}
	db, err := d.config.GORM(gormlite.OpenDB(pool))
	if err != nil {
		return nil, unopenable(path, err)
	}
	return db, nil
}

// Kind is "sqlite".
func (*Database) Kind() string { return "sqlite" }

// Read is the handle of the connections that read.
func (d *Database) Read() *gorm.DB { return d.read }

// Write is the handle of the one connection that writes.
func (d *Database) Write() *gorm.DB { return d.write }

// Codes are the codes of the vectors of large workspaces.
func (d *Database) Codes() *bitcode.Codes { return d.codes }

// Close closes every connection, the one that writes first.
func (d *Database) Close() error {
	var errs []error
	for _, pool := range d.pools {
		errs = append(errs, pool.Close())
	}
	return errors.Join(errs...)
}

// SnapshotOptions are those of a reader: in WAL mode any read transaction sees one
// moment.
func (*Database) SnapshotOptions() *sql.TxOptions { return &sql.TxOptions{ReadOnly: true} }

// ExactLimit is DefaultExactLimit.
func (*Database) ExactLimit() int { return DefaultExactLimit }

// Abilities are few: the file needs no leader, and its searches no index on disk.
func (d *Database) Abilities() dialect.Abilities {
	return dialect.Abilities{CodeBytes: d.codes.Bytes, CheapReclaim: true}
}
