//go:build linux || darwin

package imports

import (
	"os"

	"golang.org/x/sys/unix"
)

// freeBytes returns how many bytes this user may still write to the disk of a file.
func freeBytes(file *os.File) (int64, bool) {
	var disk unix.Statfs_t
	if err := unix.Fstatfs(int(file.Fd()), &disk); err != nil { //nolint:gosec // a descriptor is a small number
		return 0, false
	}
	return int64(disk.Bavail) * int64(disk.Bsize), true //nolint:gosec,unconvert // the types differ between systems
}
