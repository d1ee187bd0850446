package agentsync

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"

	"github.com/lethe-chat/lethe/internal/fault"
)

// LockState makes this program the only one that uses a state file until release is called or the program ends. It
// returns Conflict, with the number of the other process, when another program uses it, and Unavailable when the lock
// cannot be taken.
func LockState(file string) (release func(), err error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "%s cannot be made", filepath.Dir(file))
	}
	name := file + ".lock"
	lock := flock.New(name, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	switch {
	case err != nil:
		return nil, fault.Wrap(fault.Unavailable, err, "%s cannot be locked", name)
	case !locked:
		return nil, fault.New(fault.Conflict, "another `lethe sync`%s is running for this user; stop it first", holderOf(name))
	}
	_ = os.WriteFile(name, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600) // for the message; not every system allows it
	return func() { _ = lock.Close() }, nil                               // the end of the program releases it too
}

// holderOf returns the number of the process that holds a lock, in words; "" if it cannot be read.
func holderOf(name string) string {
	text, err := os.ReadFile(name)
	number := strings.TrimSpace(string(text))
	if err != nil || number == "" {
		return ""
	}
	return " (process " + number + ")"
}
