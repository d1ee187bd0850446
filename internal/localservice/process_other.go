//go:build !linux && !darwin && !windows

package localservice

import "errors"

// startOf is not implemented for this system. A service then writes no file, and the
// command line needs an address and a key.
func startOf(int) (string, error) { return "", errors.ErrUnsupported }
