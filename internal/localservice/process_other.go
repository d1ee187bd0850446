//go:build !linux && !darwin && !windows

package localservice

import "errors"

// startOf is not known here. A service then writes no file, and the command line
// needs a key.
func startOf(int) (string, error) { return "", errors.ErrUnsupported }
