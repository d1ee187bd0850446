package app_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
)

// disk is a disk that a test can fill and free.
type disk struct {
	start func(t *testing.T, folder string) (storetest.Database, *apptest.Service)
	fill  func() error
	free  func(t *testing.T)
}

// The disk of the database becomes full during an import. The import fails with the reason, and what was stored
// before stays. When there is room again, sending the file again stores the rest.
func TestTheDiskOfAnImportBecomesFull(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		if d, ok := smallFileSystem(t); ok {
			diskOfAnImportBecomesFull(t, d)
		}
	})
	storetest.OnPostgres(t, func(t *testing.T) {
		t.Parallel()
		small := storetest.NewSmallDisk(t)
		diskOfAnImportBecomesFull(t, disk{
			start: func(t *testing.T, folder string) (storetest.Database, *apptest.Service) {
				return small.Database, apptest.Start(t, small.Database, apptest.WithTrouble(), apptest.WithEnv("LETHE_EMBEDDER=none", "LETHE_IMPORT_DIR="+folder))
			},
			fill: func() error { small.Fill(t); return nil },
			free: func(t *testing.T) { t.Helper(); small.Free(t) },
		})
	})
}

// smallFileSystem mounts one for an SQLite file; ok is false if this machine does not allow that.
func smallFileSystem(t *testing.T) (d disk, ok bool) {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=192m"); err != nil {
		t.Logf("no small file system can be mounted here: %v", err)
		return disk{}, false
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, 0)) })
	filler, data := filepath.Join(dir, "filler"), filepath.Join(dir, "data")
	return disk{
		start: func(t *testing.T, folder string) (storetest.Database, *apptest.Service) {
			db := storetest.In(t, data)
			return db, apptest.Start(t, db, apptest.WithTrouble(), apptest.WithEnv("LETHE_EMBEDDER=none", "LETHE_IMPORT_DIR="+folder))
		},
		fill: func() error {
			if err := os.WriteFile(filler, make([]byte, 192<<20), 0o600); err == nil {
				return os.ErrInvalid // the disk is larger than it was made
			}
			return nil
		},
		free: func(t *testing.T) { t.Helper(); require.NoError(t, os.Remove(filler)) },
	}, true
}

func diskOfAnImportBecomesFull(t *testing.T, on disk) {
	t.Helper()
	eachWay(t, on.start, func(t *testing.T, d *disturbedImport) {
		d.long = true // more than fits into the space that the database has already
		record, err := d.send(t, func(string, func()) error { return on.fill() })
		require.Error(t, err, d.way.name)
		require.Equal(t, api.ImportStateFailed, record.State, "%s: %s", d.way.name, reasonOf(record))
		require.Contains(t, *record.Error, "the disk of the database is full", d.way.name)
		require.Less(t, record.Counts.New, faultyChats)
		on.free(t)
		ready(t, d.service)
		d.again(t)
	})
}
