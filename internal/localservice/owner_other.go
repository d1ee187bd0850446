//go:build !unix

package localservice

import "io/fs"

// isOurs returns true. On Windows the folder is inside the user's profile, which other
// users cannot read.
func isOurs(fs.FileInfo) bool { return true }
