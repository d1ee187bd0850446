package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lethe-chat/lethe/internal/fault"
)

// backupMode lets only this user read a backup.
const backupMode = 0o600

// Backup writes a consistent copy of an SQLite file while the service uses it. It checks the copy before
// it gives it its name, so a file with this name is a good backup. seen, which may be nil, gets how many
// pages are copied. Conflict when there is a file at the path already, which stays as it is. Unsupported on
// PostgreSQL, whose own tools make backups. After any error nothing is left of the copy.
func (s *Store) Backup(ctx context.Context, path string, seen func(done, of int)) (err error) {
	backup := s.database.Abilities().Backup
	if backup == nil {
		return fault.New(fault.Unsupported, "this database is on PostgreSQL, which has its own tools for backups, such as:\n\n"+
			"    pg_dump --format=custom --file=lethe.dump \"$LETHE_DATABASE_URL\"\n\ndocs/operations.md says how to restore it")
	}
	if seen == nil {
		seen = func(int, int) {}
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, errBackupExists(path))
	}
	folder, err := os.MkdirTemp(filepath.Dir(path), ".lethe-backup-*") // of this user alone
	if err != nil {
		return unwritable(path, err)
	}
	defer func() {
		if gone := os.RemoveAll(folder); err == nil && gone != nil {
			err = unwritable(path, gone)
		}
	}()
	copied := filepath.Join(folder, "lethe.db")
	file, err := os.OpenFile(copied, os.O_CREATE|os.O_EXCL|os.O_RDWR, backupMode)
	if err != nil {
		return unwritable(path, err)
	}
	if err := file.Close(); err != nil {
		return unwritable(path, err)
	}
	if err := backup(ctx, copied, seen); err != nil {
		return fault.Wrap(fault.Unavailable, errors.Join(ctx.Err(), s.fault(err)), "the backup was not written: %v", err)
	}
	if err := s.checkBackup(ctx, copied); err != nil {
		return err
	}
	return publish(copied, path)
}

// checkBackup opens the copy and looks for problems. Closing it empties and deletes its log.
func (s *Store) checkBackup(ctx context.Context, path string) (err error) {
	opened, err := Open(ctx, Options{Path: path, MustExist: true, Logger: s.config.Logger, Now: s.config.Now})
	if err != nil {
		return fault.Wrap(fault.Internal, err, "the backup was copied and cannot be opened: %s", fault.Message(err))
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	findings, err := opened.Examine(ctx)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "the backup was copied and could not be checked: %s", fault.Message(err))
	}
	for _, f := range findings {
		if f.Count > 0 {
			return fault.New(fault.Conflict, "the backup has a problem, as the database has: %s (%s); `lethe doctor --fix` repairs the database. No backup was written", f.Check, f.Detail)
		}
	}
	return nil
}

// publish gives the copy its name when all of it is on the disk. A link never replaces a file.
func publish(copied, path string) error {
	file, err := os.OpenFile(copied, os.O_RDWR, 0)
	if err != nil {
		return unwritable(path, err)
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return unwritable(path, err)
	}
	err = os.Link(copied, path)
	if errors.Is(err, fs.ErrExist) {
		return errBackupExists(path)
	}
	if err != nil {
		return unwritable(path, err)
	}
	if folder, err := os.Open(filepath.Dir(path)); err == nil { // where folders cannot be synced, nothing else can be done
		_ = errors.Join(folder.Sync(), folder.Close())
	}
	return nil
}

func errBackupExists(path string) error {
	return fault.New(fault.Conflict, "%s exists already, and a backup never replaces a file; choose another name", path)
}

func unwritable(path string, err error) error {
	return fault.Wrap(fault.Unavailable, err, "the backup %s cannot be written: %v", path, err)
}
