package imports

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/lethe-chat/lethe/internal/fault"
)

// keptPattern is the pattern of the names of temporary files of imports, including those that package container
// creates for nested archives.
const keptPattern = "lethe-import-*"

// Disk space that is left for the database.
const (
	spareRoom = 128 << 20 // bytes
	roomEvery = 16 << 20  // bytes that are written between two checks
)

// kept is a file that has arrived: a temporary file that only this user can read. Its name is removed at once, so
// that nothing of it stays when the program is killed. On systems that do not allow that, the name is removed at the
// end, or at the next start.
type kept struct {
	*os.File
	size  int64
	named bool
}

// keep writes arriving data to a temporary file. Unavailable when the disk has too little space. size is the expected
// size, or 0.
func keep(folder string, from io.Reader, size int64) (*kept, error) {
	file, err := os.CreateTemp(folder, keptPattern)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the file cannot be kept while it is read")
	}
	k := &kept{File: file, named: os.Remove(file.Name()) != nil}
	if err := k.fill(from, size); err != nil {
		k.discard()
		return nil, err
	}
	return k, nil
}

func (k *kept) fill(from io.Reader, expected int64) error {
	if err := k.room(max(expected, 0)); err != nil {
		return err
	}
	for {
		n, err := io.CopyN(writes{k.File}, from, roomEvery)
		k.size += n
		var unwritten *writeError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &unwritten):
			return fault.Wrap(fault.Unavailable, unwritten.cause, "the disk has too little room for the file while it is read")
		case err != nil:
			return err
		}
		if err := k.room(0); err != nil {
			return err
		}
	}
}

// room returns an error when the disk has too little space for this many more bytes.
func (k *kept) room(more int64) error {
	if free, known := freeBytes(k.File); known && free < more+spareRoom {
		return fault.New(fault.Unavailable, "the disk has too little room for the file while it is read: %d MB are free, and %d MB are needed", free>>20, (more+spareRoom)>>20)
	}
	return nil
}

// reader returns a reader of the file from its beginning.
func (k *kept) reader() io.Reader { return io.NewSectionReader(k.File, 0, k.size) }

// discard removes the file. It can fail only on systems that keep the name; then the next start removes it.
func (k *kept) discard() {
	_ = k.Close()
	if k.named {
		_ = os.Remove(k.Name())
	}
}

// writes marks errors of writing, to distinguish them from errors of reading.
type writes struct{ io.Writer }

type writeError struct{ cause error }

// Error returns the text of the system's error.
func (e *writeError) Error() string { return e.cause.Error() }

// Write writes to the file.
func (w writes) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		err = &writeError{err}
	}
	return n, err
}

// removeLeftovers removes the temporary files in a folder that still have names, and returns how many. Systems that
// keep names do not allow removing a file that another program reads.
func removeLeftovers(folder string) (removed int) {
	if folder == "" { // the system cleans its own folder
		return 0
	}
	left, err := filepath.Glob(filepath.Join(folder, keptPattern))
	if err != nil {
		return 0
	}
	for _, path := range left {
		if os.Remove(path) == nil {
			removed++
		}
	}
	return removed
}
