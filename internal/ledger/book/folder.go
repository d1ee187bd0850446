//go:build !windows

package book

import (
	"errors"
	"os"
)

// syncFolder makes a rename in the folder survive a power cut.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
