package sqlite

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/ncruces/go-sqlite3"

	"github.com/lethe-chat/lethe/internal/fault"
)

// reserve is room on the disk that is kept for deletes. A delete needs some itself, for
// the log, so on a full disk nobody could make room otherwise. It is a file of random
// bytes without a name: it never outlives this program.
type reserve struct {
	mu   sync.Mutex
	file *os.File // nil when nothing is to be reserved
	want int64
	held int64
}

const (
	reserveStep  = 1 << 20 // bytes that are written at once
	leastReserve = 1 << 20 // fewer are of no use
)

// newReserve reserves up to want bytes beside a database. On a disk that has less room
// it takes half of what there is.
func newReserve(path string, want int64) (*reserve, error) {
	if want == 0 {
		return &reserve{}, nil
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-reserve-*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(file.Name()) // fails on Windows, where close removes it
	r := &reserve{file: file, want: want}
	if err := r.fill(); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

// fill reserves what is missing.
func (r *reserve) fill() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return nil
	}
	filler := make([]byte, reserveStep)
	random := rand.NewPCG(rand.Uint64(), rand.Uint64()) //nolint:gosec // any bytes that do not compress
	for r.held < r.want {
		for i := 0; i < len(filler); i += 8 {
			n := random.Uint64()
			for j := range 8 {
				filler[i+j] = byte(n >> (8 * j))
			}
		}
		n, err := r.file.WriteAt(filler, r.held)
		r.held += int64(n)
		switch {
		case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
			return r.keep(r.held / 2)
		case err != nil:
			return err
		}
	}
	return nil
}

// keep gives back all but so many bytes; all, when those are of no use.
func (r *reserve) keep(bytes int64) error {
	if bytes < leastReserve {
		bytes = 0
	}
	r.held = bytes
	return r.file.Truncate(bytes)
}

// spend gives everything back and reports whether there was anything.
func (r *reserve) spend() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held > 0 && r.keep(0) == nil
}

// roomLeft fills the reserve and reports whether there is room besides.
func (r *reserve) roomLeft() (bool, error) {
	if err := r.fill(); err != nil {
		return false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return true, nil
	}
	if r.held < leastReserve {
		return false, nil
	}
	_, err := r.file.WriteAt(make([]byte, reserveStep), r.held)
	return err == nil, r.file.Truncate(r.held)
}

// probe tells whether the disk of a database has room for more.
func probe(path string) error {
	r, err := newReserve(path, leastReserve)
	if err != nil {
		return unopenable(path, err)
	}
	defer func() { _ = r.close() }() // nothing was written that anybody wants
	if r.held < leastReserve {
		return fault.New(fault.Unavailable, "%s", diskFull)
	}
	return nil
}

func (r *reserve) close() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	_ = os.Remove(r.file.Name()) // it has no name any more but on Windows
	return err
}

// Spend gives the room that is reserved for deletes back to the disk, if an error says
// that the disk is full, and reports whether it is worth trying again.
func (d *Database) Spend(err error) bool {
	return errors.Is(err, sqlite3.FULL) && d.reserve.spend()
}
