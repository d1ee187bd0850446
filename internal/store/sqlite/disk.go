package sqlite

import (
	"sync/atomic"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"
)

// disk wraps the operating system's files for SQLite, and detects a full disk. The
// driver's own files do not report one: they look for a bare error number, but get it
// inside an *fs.PathError, which SQLite then takes for a broken disk.
type disk struct {
	vfs.VFSFilename
	full        *atomic.Bool // set when a write did not fit
	beforeWrite func() error // for tests; may be nil
}

// Open and OpenFilename wrap the system's files.
func (d disk) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	file, flags, err := vfsutil.WrapOpen(d.VFSFilename, name, flags)
	return d.wrap(file, err), flags, d.translate(err)
}

// OpenFilename is Open for a name with parameters.
func (d disk) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	file, flags, err := vfsutil.WrapOpenFilename(d.VFSFilename, name, flags)
	return d.wrap(file, err), flags, d.translate(err)
}

func (d disk) wrap(file vfs.File, err error) vfs.File {
	if err != nil {
		return nil
	}
	return diskFile{systemFile: file.(systemFile), disk: d} //nolint:forcetypeassert // the driver's own files are
}

// translate returns an error that SQLite understands when the disk is full.
func (d disk) translate(err error) error {
	if diskIsFull(err) {
		d.full.Store(true)
		return vfs.SystemError(err, sqlite3.FULL)
	}
	return err
}

// write runs a write that may need room on the disk.
func (d disk) write(do func() error) error {
	if d.beforeWrite != nil {
		if err := d.beforeWrite(); err != nil {
			return d.translate(err)
		}
	}
	return d.translate(do())
}

// systemFile is the interface of the driver's files.
type systemFile interface {
	vfs.FileLockState
	vfs.FileHasMoved
	vfs.FileSizeHint
	vfs.FilePersistWAL
	vfs.FilePowersafeOverwrite
	vfs.FileSharedMemory
	vfs.FileMemoryMapper
}

type diskFile struct {
	systemFile
	disk disk
}

func (f diskFile) WriteAt(p []byte, at int64) (n int, err error) {
	err = f.disk.write(func() (err error) {
		n, err = f.systemFile.WriteAt(p, at)
		return err
	})
	return n, err
}

func (f diskFile) Truncate(size int64) error {
	return f.disk.translate(f.systemFile.Truncate(size))
}

func (f diskFile) SizeHint(size int64) error {
	return f.disk.write(func() error { return f.systemFile.SizeHint(size) })
}

func (f diskFile) Sync(flags vfs.SyncFlag) error {
	return f.disk.translate(f.systemFile.Sync(flags))
}
