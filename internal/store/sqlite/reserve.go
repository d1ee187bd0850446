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
// full disk nobody could make room otherwise. It is a file of random bytes. It stays when
// the program ends, because other programs may fill the disk before the next start.
type reserve struct {
	mu        sync.Mutex
	file      *os.File // nil when nothing can be reserved
	want      int64
	held      int64
	temporary bool // close removes the file
}

const (
	reserveStep  = 1 << 20 // bytes per write
	leastReserve = 1 << 20 // bytes; fewer are not enough for a delete
)

// openReserve reserves up to want bytes beside a database, including those that the last
// program reserved. If the disk has less room, it reserves half of that.
func openReserve(path string, want int64) (*reserve, error) {
	r := &reserve{want: want}
	if want == 0 {
		return r, nil
	}
	file, err := os.OpenFile(path+"-reserve", os.O_RDWR|os.O_CREATE, 0o600)
	if diskIsFull(err) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	r.file = file
	return r.filled()
}

// tryReserve reserves bytes until close.
func tryReserve(path string, want int64) (*reserve, error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-reserve-*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(file.Name()) // fails on Windows; there close removes the file
	r := &reserve{file: file, want: want, temporary: true}
	return r.filled()
}

// filled returns the reserve after its first fill.
func (r *reserve) filled() (*reserve, error) {
	if err := r.fill(); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func diskIsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// fill reserves the missing bytes.
func (r *reserve) fill() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return nil
	}
	info, err := r.file.Stat()
	if err != nil {
		return err
	}
	r.held = min(info.Size(), r.want) // another program may share the file
	before := r.held
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
		case diskIsFull(err):
			return r.keep(max(before, r.held/2))
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
	return r.held < min(r.want, leastReserve)
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
	if r.want == 0 {
		return true, nil
	}
	if r.held < leastReserve {
		return false, nil
	}
	_, err := r.file.WriteAt(make([]byte, reserveStep), r.held)
	return err == nil, r.file.Truncate(r.held)
}

// hasRoom reports whether the disk of a database has enough room for a delete.
func hasRoom(path string) (bool, error) {
	r, err := tryReserve(path, leastReserve)
	switch {
	case diskIsFull(err):
		return false, nil
	case err != nil:
		return false, unopenable(path, err)
	}
	return !r.short(), r.close()
}

// probe returns an error if the disk of a database is full.
func probe(path string) error {
	room, err := hasRoom(path)
	if err == nil && !room {
		err = fault.New(fault.Unavailable, "%s", diskFull)
	}
	return err
}

// leave reserves what a delete has spent, for the next start, and closes the file.
func (r *reserve) leave() error { return errors.Join(r.fill(), r.close()) }

func (r *reserve) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	name := r.file.Name()
	r.file = nil
	if r.temporary {
		_ = os.Remove(name) // it still has a name on Windows only
	}
	return err
}

// Spend frees the reserve if err says that the disk is full. It reports whether trying
// again is useful.
func (d *Database) Spend(err error) bool {
	return errors.Is(err, sqlite3.FULL) && d.reserve.spend()
}
