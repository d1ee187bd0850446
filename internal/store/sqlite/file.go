package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/ncruces/go-sqlite3"

	"github.com/lethe-chat/lethe/internal/fault"
)

// applicationID marks an SQLite file as Lethe's: "Leth" in ASCII.
const applicationID = 0x4c657468

// prepare creates the file if it is missing and create is set, makes it private, and
// returns its real path, where SQLite puts the files beside it. It refuses another
// program's file without changing it.
func prepare(path string, create bool) (string, error) {
	actual, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		actual, err = path, nil
		if !create {
			return "", fault.New(fault.NotFound, "there is no database at %s; `lethe serve` makes one, LETHE_DATA_DIR names another directory", path)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return "", fault.Wrap(fault.Unavailable, err, "cannot make the data directory %s; set LETHE_DATA_DIR to one you may write", filepath.Dir(path))
		}
	}
	if err != nil {
		return "", unopenable(path, err)
	}
	// Other users of the machine must not read the file.
	file, err := os.OpenFile(actual, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", unopenable(path, err)
	}
	defer file.Close()
	empty, err := refuseForeign(file, path, actual)
	switch {
	case err != nil:
		return "", err
	case empty && !create: // without this check the file would be changed
		return "", fault.New(fault.NotFound, "the database %s is empty; `lethe serve` makes its tables, LETHE_DATA_DIR names another directory", path)
	}
	return actual, makePrivate(path, file)
}

// makePrivate removes other users' rights to a file.
func makePrivate(path string, file *os.File) error {
	info, err := file.Stat()
	if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		err = file.Chmod(info.Mode().Perm() & 0o700)
	}
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "cannot make %s private", path)
	}
	return nil
}

// The header of an SQLite file (https://sqlite.org/fileformat.html, 1.3).
const (
	headerMagic = "SQLite format 3\x00"
	headerSize  = 100
	headerID    = 68 // the offset of the application id
)

// refuseForeign refuses a file of another program, and reports whether a file has no
// tables. A file without an id may be one of an older Lethe; then it has Lethe's tables.
func refuseForeign(file *os.File, path, actual string) (empty bool, err error) {
	header := make([]byte, headerSize)
	n, err := file.ReadAt(header, 0)
	switch {
	case n == 0 && errors.Is(err, io.EOF):
		return true, nil
	case n < headerSize && err != nil && !errors.Is(err, io.EOF):
		return false, unopenable(path, err)
	case n < headerSize || string(header[:len(headerMagic)]) != headerMagic:
		return false, unopenable(path, sqlite3.NOTADB)
	}
	id := binary.BigEndian.Uint32(header[headerID:])
	if id == applicationID {
		return false, nil
	}
	if id != 0 {
		return false, foreign(path, fmt.Sprintf("its application id is %d", id))
	}
	tables, ours, err := countTables(actual)
	switch {
	case err != nil:
		return false, unopenable(path, err)
	case tables > 0 && ours < 2:
		return false, foreign(path, "it has other tables")
	}
	return tables == 0, nil
}

func foreign(path, because string) error {
	return fault.New(fault.Conflict, "%s is an SQLite file of another program (%s); move it away, or set LETHE_DATA_DIR to another directory", path, because)
}

// countTables returns how many tables a file has, and how many of two that every Lethe
// has. It opens the file read-only, so nothing in it changes.
func countTables(path string) (tables, ours int, err error) {
	conn, err := sqlite3.OpenFlags(path, sqlite3.OPEN_READONLY)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := conn.BusyTimeout(patience); err != nil {
		return 0, 0, err
	}
	statement, _, err := conn.Prepare(`SELECT count(*), sum(name IN ('schema_migrations', 'conversations')) FROM sqlite_schema WHERE type = 'table'`)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, statement.Close()) }()
	statement.Step()
	return statement.ColumnInt(0), statement.ColumnInt(1), statement.Err()
}

// Health returns why the file cannot be used although its connections answer: it was
// removed or replaced, or its disk is full. When the disk has room again, Health fills
// the reserve.
func (d *Database) Health() error {
	now, err := os.Stat(d.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.Wrap(fault.Unavailable, err, "the database file was removed while the service runs; stop it, put the file back, and start it")
	case err != nil:
		return fault.Wrap(fault.Unavailable, err, "the database file cannot be looked at")
	case !os.SameFile(d.identity, now):
		return fault.New(fault.Unavailable, "the database file was replaced while the service runs; restart the service")
	}
	return d.Room()
}

// Room returns an Unavailable fault while the disk is full: from a write that did not
// fit until the reserve is filled again and there is room besides.
func (d *Database) Room() error {
	if !d.full.Load() {
		return nil
	}
	room, err := d.reserve.roomLeft()
	if err != nil || !room {
		return fault.Wrap(fault.Unavailable, err, "%s", diskFull)
	}
	d.full.Store(false)
	return nil
}

// diskFull is the message for a full disk.
const diskFull = "the disk of the database is full; free some space, or delete conversations, which still works"
