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

// reserve keeps room on the disk for deletes. A delete itself writes to the log, so on a
// full disk nobody could make room otherwise. It is an unnamed file of random bytes,
// which ends with this program.
type reserve struct {
	mu   sync.Mutex
	file *os.File // nil when nothing is reserved
	want int64
	held int64
}

const (
	reserveStep  = 1 << 20 // bytes per write
	leastReserve = 1 << 20 // bytes; fewer are not enough for a delete
)

// newReserve reserves up to want bytes beside a database. If the disk has less room, it
// reserves half of it.
func newReserve(path string, want int64) (*reserve, error) {
	if want == 0 {
		return &reserve{}, nil
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-reserve-*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(file.Name()) // fails on Windows; there close removes the file
	r := &reserve{file: file, want: want}
	if err := r.fill(); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

// fill reserves the missing bytes.
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

// keep shrinks the reserve to a number of bytes, or to nothing if they are not enough for
// a delete.
func (r *reserve) keep(bytes int64) error {
	if bytes < leastReserve {
		bytes = 0
	}
	r.held = bytes
	return r.file.Truncate(bytes)
}

// short reports whether the reserve is too small to be of use.
func (r *reserve) short() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.file != nil && r.held < min(r.want, leastReserve)
}

// spend frees the whole reserve and reports whether there was any.
func (r *reserve) spend() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held > 0 && r.keep(0) == nil
}

// roomLeft fills the reserve and reports whether the disk has more room.
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

// probe returns an error if the disk of a database is full.
func probe(path string) error {
	r, err := newReserve(path, leastReserve)
	if err != nil {
		return unopenable(path, err)
	}
	defer func() { _ = r.close() }() // its content does not matter
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
	_ = os.Remove(r.file.Name()) // it still has a name on Windows only
	return err
}

// Spend frees the reserve if err says that the disk is full. It reports whether trying
// again is useful.
func (d *Database) Spend(err error) bool {
	return errors.Is(err, sqlite3.FULL) && d.reserve.spend()
}
