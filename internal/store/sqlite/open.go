// Package sqlite is the database of a store that is one SQLite file: its connections,
// its full-text index, the search of its vectors, and the upkeep of its file.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
	"github.com/ncruces/go-sqlite3/gormlite"
	"github.com/ncruces/go-sqlite3/vfs"
	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/bitcode"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Database is an open SQLite file. It is safe for concurrent use.
type Database struct {
	config   dialect.Config
	path     string      // the real one, behind links
	identity os.FileInfo // of the file that was opened
	vfs      string      // the name under which SQLite knows this database's files
	full     atomic.Bool // a write did not fit on the disk
	reserve  *reserve
	read     *gorm.DB
	write    *gorm.DB // one connection, so that writers queue here and not in the file's lock
	pools    []*sql.DB
	codes    *bitcode.Codes
}

var _ dialect.Database = (*Database)(nil)

// Options say how to open a file.
type Options struct {
	Create  bool  // make the file and its directory when they are missing
	Reserve int64 // bytes of the disk to keep free for deletes

	// BeforeWrite is called before each write, for tests of a disk that refuses. An
	// error of it is one of the disk.
	BeforeWrite func() error
}

// Open opens the file. The errors are faults: NotFound when there is none and Create is
// off, Conflict when it is another program's, Unavailable or Canceled otherwise.
func Open(ctx context.Context, path string, o Options, config dialect.Config) (*Database, error) {
	path, err := prepare(path, o.Create)
	if err != nil {
		return nil, err
	}
	d := &Database{config: config, path: path, codes: bitcode.New(codeBytes)}
	d.vfs = fmt.Sprintf("lethe-%p", d)         // unique among the open ones
	system := vfs.Find("os").(vfs.VFSFilename) //nolint:forcetypeassert // it is
	vfs.Register(d.vfs, disk{VFSFilename: system, full: &d.full, beforeWrite: o.BeforeWrite})
	if d.reserve, err = newReserve(path, o.Reserve); err != nil {
		return nil, errors.Join(unopenable(path, err), d.Close())
	}
	if err := d.connect(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// connect opens the connections. On a full disk it takes the room that is reserved.
func (d *Database) connect(ctx context.Context) (err error) {
	if d.write, err = d.openPool(ctx, d.path, d.codes, url.Values{"_txlock": {"immediate"}}, 1); err != nil {
		return err
	}
	readers := url.Values{"_txlock": {"deferred"}, "_pragma": {"query_only(on)"}}
	if d.read, err = d.openPool(ctx, d.path, nil, readers, max(4, 2*runtime.NumCPU())); err != nil {
		return err
	}
	for _, beside := range []string{"-wal", "-shm"} { // made by now, and as private as the file itself
		if err := os.Chmod(d.path+beside, 0o600); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fault.Wrap(fault.Unavailable, err, "cannot make %s private", d.path+beside)
		}
	}
	if d.identity, err = os.Stat(d.path); err != nil {
		return unopenable(d.path, err)
	}
	return d.sign(ctx)
}

// sign marks the file as Lethe's.
func (d *Database) sign(ctx context.Context) error {
	var id int64
	if err := d.write.WithContext(ctx).Raw("PRAGMA application_id").Scan(&id).Error; err != nil {
		return unopenable(d.path, err)
	}
	if id == applicationID {
		return nil
	}
	err := d.write.WithContext(ctx).Exec(fmt.Sprintf("PRAGMA application_id = %d", applicationID)).Error
	if err != nil && !errors.Is(err, sqlite3.FULL) { // there will be room another time
		return unopenable(d.path, err)
	}
	return nil
}

// openPool opens a pool of connections. Those of a pool that writes announce to the
// codes what they change; tell is nil for the others.
func (d *Database) openPool(ctx context.Context, path string, tell *bitcode.Codes, settings url.Values, conns int) (*gorm.DB, error) {
	settings.Set("vfs", d.vfs)
	settings.Set("mode", "rw")   // a file that was removed is not made again
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
	vfs.Unregister(d.vfs)
	if d.reserve != nil {
		errs = append(errs, d.reserve.close())
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
	return dialect.Abilities{CodeBytes: d.codes.Bytes, CheapReclaim: true, Spend: d.Spend, Health: d.Health}
}
