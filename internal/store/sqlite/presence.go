package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// A running program holds the lock of its own empty file beside the database. The system
// releases the lock when the program ends.
const aliveInfix = "-alive-"

// signPoll is how long a program waits before it tries again to lock a file that another
// program is checking.
const signPoll = 5 * time.Millisecond

func (d *Database) signPath(number int64) string {
	return d.path + aliveInfix + strconv.FormatInt(number, 10)
}

// alive is a file that this program has locked.
type alive struct{ lock *flock.Flock }

// ShowAlive creates and locks the file of a program. It also removes the files of
// programs that have ended.
func (d *Database) ShowAlive(ctx context.Context, number int64) (dialect.Sign, error) {
	if err := d.removeEnded(); err != nil {
		return nil, err
	}
	lock := flock.New(d.signPath(number))
	for {
		held, err := lock.TryLockContext(ctx, signPoll)
		if err != nil {
			return nil, unsigned(err)
		}
		if held && inPlace(lock) {
			return alive{lock}, nil
		}
		// Another program thought that this one had ended, and removed the file.
		if err := lock.Unlock(); err != nil {
			return nil, unsigned(err)
		}
	}
}

// inPlace reports whether the locked file still has its path.
func inPlace(lock *flock.Flock) bool {
	locked, err := lock.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(lock.Path())
	return err == nil && os.SameFile(locked, there)
}

// Lost reports whether the file was removed.
func (a alive) Lost(context.Context) bool { return !inPlace(a.lock) }

// Release removes the file and then its lock.
func (a alive) Release() {
	_ = os.Remove(a.lock.Path()) // if this fails, the file counts as that of an ended program
	_ = a.lock.Unlock()
}

// Alive returns the numbers whose files are locked.
func (d *Database) Alive(context.Context) ([]int64, error) {
	if err := d.removeEnded(); err != nil {
		return nil, err
	}
	files, err := os.ReadDir(filepath.Dir(d.path))
	if err != nil {
		return nil, unsigned(err)
	}
	var alive []int64
	for _, file := range files {
		text, found := strings.CutPrefix(file.Name(), filepath.Base(d.path)+aliveInfix)
		if number, err := strconv.ParseInt(text, 10, 64); found && err == nil {
			alive = append(alive, number)
		}
	}
	return alive, nil
}

// Ended returns the numbers whose files are missing or not locked.
func (d *Database) Ended(_ context.Context, numbers []int64) ([]int64, error) {
	var gone []int64
	for _, number := range numbers {
		ended, err := removeIfEnded(d.signPath(number))
		if err != nil {
			return nil, err
		}
		if ended {
			gone = append(gone, number)
		}
	}
	return gone, nil
}

// removeEnded removes the files of all programs that have ended.
func (d *Database) removeEnded() error {
	folder := filepath.Dir(d.path)
	files, err := os.ReadDir(folder)
	if err != nil {
		return unsigned(err)
	}
	for _, file := range files {
		if !strings.HasPrefix(file.Name(), filepath.Base(d.path)+aliveInfix) {
			continue
		}
		if _, err := removeIfEnded(filepath.Join(folder, file.Name())); err != nil {
			return err
		}
	}
	return nil
}

// removeIfEnded removes the file if no program has locked it, and reports whether it did.
func removeIfEnded(path string) (bool, error) {
	lock := flock.New(path, flock.SetFlag(os.O_RDWR)) // without O_CREATE
	free, err := lock.TryLock()
	switch {
	case errors.Is(err, os.ErrNotExist):
		return true, nil
	case err != nil:
		return false, unsigned(err)
	case !free:
		return false, nil
	}
	_ = os.Remove(path) // if this fails, the next program tries again
	return true, lock.Unlock()
}

// unsigned is an error of the files that show that programs are alive.
func unsigned(err error) error {
	return fault.Wrap(fault.Unavailable, err, "cannot lock a file beside the database")
}
