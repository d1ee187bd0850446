//go:build unix

package localservice

import (
	"io/fs"
	"os"
	"syscall"
)

// isOurs reports whether this user owns the file and no other user may read or write it.
func isOurs(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid() && info.Mode().Perm()&0o077 == 0
}
