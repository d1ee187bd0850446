// Package sqlite is the store's SQLite database: its file, connections, full-text index,
// search of vectors, and upkeep.
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
	path     string      // the real path, behind links
	identity os.FileInfo // of the file that was opened
	vfs      string      // the name under which SQLite knows this database's files
	full     atomic.Bool // set when a write did not fit on the disk
	reserve  *reserve
	read     *gorm.DB
	write    *gorm.DB // one connection, so that writers queue in Go and not for the file's lock
	pools    []*sql.DB
	codes    *bitcode.Codes
}

var _ dialect.Database = (*Database)(nil)

// Options say how to open a file.
type Options struct {
	Create  bool  // create the file and its directory if they are missing
	Reserve int64 // bytes of the disk to keep free for deletes

	// BeforeWrite is called before each write. Tests use it to simulate a failing disk:
	// its error becomes that of the disk.
	BeforeWrite func() error
}

// Open opens the file. The errors are faults: NotFound when it is missing and Create is
// not set, Conflict when it is another program's, Unavailable or Canceled otherwise.
func Open(ctx context.Context, path string, o Options, config dialect.Config) (*Database, error) {
	path, err := prepare(path, o.Create)
	if err != nil {
		return nil, err
	}
	d := &Database{config: config, path: path, codes: bitcode.New(codeBytes)}
	d.vfs = fmt.Sprintf("lethe-%p", d)         // unique among the open databases
	system := vfs.Find("os").(vfs.VFSFilename) //nolint:forcetypeassert // it is
	vfs.Register(d.vfs, disk{VFSFilename: system, full: &d.full, beforeWrite: o.BeforeWrite})
	if d.reserve, err = openReserve(path, o.Reserve); err != nil {
		return nil, errors.Join(unopenable(path, err), d.Close())
	}
	d.full.Store(d.reserve.short()) // what is left is for deletes
	if err := d.connectWithRoom(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// connectWithRoom connects. Opening a file needs a little room on the disk, so it uses the
// reserve when there is none, and otherwise says that the disk is full. SQLite reports a
// broken disk then.
func (d *Database) connectWithRoom(ctx context.Context) error {
	err := d.connect(ctx)
	if err == nil || ctx.Err() != nil {
		return err
	}
	if room, unknown := hasRoom(d.path); !d.full.Load() && (room || unknown != nil) {
		return err
	}
	if d.reserve.spend() {
		d.full.Store(true)
		if err := d.closePools(); err != nil {
			return err
		}
		if err = d.connect(ctx); err == nil {
			return nil
		}
	}
	if ctx.Err() != nil {
		return err
	}
	return fault.New(fault.Unavailable, "%s cannot be opened, because its disk is full; free a few MiB and try again", d.path)
}

// connect opens the connections.
func (d *Database) connect(ctx context.Context) (err error) {
	if d.write, err = d.openPool(ctx, d.path, d.codes, url.Values{"_txlock": {"immediate"}}, 1); err != nil {
		return err
	}
	readers := url.Values{"_txlock": {"deferred"}, "_pragma": {"query_only(on)"}}
	if d.read, err = d.openPool(ctx, d.path, nil, readers, max(4, 2*runtime.NumCPU())); err != nil {
		return err
	}
	for _, beside := range []string{"-wal", "-shm"} { // they exist now, and must be private too
		if err := os.Chmod(d.path+beside, 0o600); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fault.Wrap(fault.Unavailable, err, "cannot make %s private", d.path+beside)
		}
	}
	if d.identity, err = os.Stat(d.path); err != nil {
		return unopenable(d.path, err)
	}
	return d.sign(ctx)
}

// sign writes Lethe's application id into the file.
func (d *Database) sign(ctx context.Context) error {
	var id int64
	if err := d.write.WithContext(ctx).Raw("PRAGMA application_id").Scan(&id).Error; err != nil {
		return unopenable(d.path, err)
	}
	if id == applicationID {
		return nil
	}
	err := d.write.WithContext(ctx).Exec(fmt.Sprintf("PRAGMA application_id = %d", applicationID)).Error
	if err != nil && !errors.Is(err, sqlite3.FULL) { // the next start tries again
		return unopenable(d.path, err)
	}
	return nil
}

// openPool opens a pool of connections. A pool that writes announces its changes to the
// codes; tell is nil for a pool that reads.
func (d *Database) openPool(ctx context.Context, path string, tell *bitcode.Codes, settings url.Values, conns int) (*gorm.DB, error) {
	settings.Set("vfs", d.vfs)
	settings.Set("mode", "rw")   // do not create a file that was removed
	settings.Set("modeof", path) // a log that is created later gets the file's mode
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

// Read returns the handle of the connections that read.
func (d *Database) Read() *gorm.DB { return d.read }

// Write returns the handle of the single connection that writes.
func (d *Database) Write() *gorm.DB { return d.write }

// Codes returns the codes of the vectors of large workspaces.
func (d *Database) Codes() *bitcode.Codes { return d.codes }

// Close closes every connection, the writing one first.
func (d *Database) Close() error {
	err := d.closePools()
	vfs.Unregister(d.vfs)
	if d.reserve != nil {
		err = errors.Join(err, d.reserve.leave())
	}
	return err
}

func (d *Database) closePools() error {
	var errs []error
	for _, pool := range d.pools {
		errs = append(errs, pool.Close())
	}
	d.pools = nil
	return errors.Join(errs...)
}

// SnapshotOptions are those of a reader. In WAL mode every read transaction sees one
// state.
func (*Database) SnapshotOptions() *sql.TxOptions { return &sql.TxOptions{ReadOnly: true} }

// ExactLimit is DefaultExactLimit.
func (*Database) ExactLimit() int { return DefaultExactLimit }

// Abilities returns few abilities: a file needs no leader and has no approximate index.
func (d *Database) Abilities() dialect.Abilities {
	return dialect.Abilities{CodeBytes: d.codes.Bytes, CheapReclaim: true, Spend: d.Spend, Room: d.Room, Health: d.Health, Thin: d.Thin, Backup: d.Backup}
}
