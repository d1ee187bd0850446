package imports

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/lethe-chat/lethe/internal/fault"
)

// keptPattern is what temporary files of imports are called, those of package container for
// archives inside of archives included.
const keptPattern = "lethe-import-*"

// Room on the disk that is left for the database.
const (
	spareRoom = 128 << 20 // bytes
	roomEvery = 16 << 20  // bytes that are written between two looks
)

// kept is a file that has arrived: a temporary file that only this user can read. Its name is
// removed at once, so that nothing of it stays when the program is killed. Where the system does
// not allow that, the name is removed at the end, or by the next start.
type kept struct {
	*os.File
	size  int64
	named bool
}

// keep writes what arrives to a temporary file. Unavailable when the disk has too little room;
// size is how much is expected, or 0.
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

// room returns an error when the disk has too little room for so many more bytes.
func (k *kept) room(more int64) error {
	if free, known := freeBytes(k.File); known && free < more+spareRoom {
		return fault.New(fault.Unavailable, "the disk has too little room for the file while it is read: %d MB are free, and %d MB are needed", free>>20, (more+spareRoom)>>20)
	}
	return nil
}

// reader reads the file from its beginning.
func (k *kept) reader() io.Reader { return io.NewSectionReader(k.File, 0, k.size) }

// discard removes the file. It can fail only where the name matters; then the next start does it.
func (k *kept) discard() {
	_ = k.Close()
	if k.named {
		_ = os.Remove(k.Name())
	}
}

// writes marks the errors of writing, which those of reading are told apart from.
type writes struct{ io.Writer }

type writeError struct{ cause error }

// Error says what the system said.
func (e *writeError) Error() string { return e.cause.Error() }

// Write writes to the file.
func (w writes) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		err = &writeError{err}
	}
	return n, err
}

// removeLeftovers removes the temporary files in a folder that have kept their names, and
// returns how many. A file that another program reads cannot be removed where names matter.
func removeLeftovers(folder string) (removed int) {
	if folder == "" { // the system's own folder is cleaned by the system
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
