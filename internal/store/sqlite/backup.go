package sqlite

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"

	"github.com/ncruces/go-sqlite3"

	"github.com/lethe-chat/lethe/internal/fault"
)

// backupPages is how many pages are copied between two reports of the progress.
const backupPages = 256

// Backup copies the database into an empty file. It copies one state: a transaction that reads stays open
// meanwhile, which keeps nobody from writing. seen gets how many of the pages are copied.
func (d *Database) Backup(ctx context.Context, to string, seen func(done, of int)) error {
	pool, err := d.read.DB()
	if err != nil {
		return err
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // it only read
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") //nolint:errcheck // it only read
	var one int
	if err := conn.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&one); err != nil { // the state is that of the first read
		return err
	}
	return conn.Raw(func(raw any) error {
		opened, ok := raw.(interface{ Raw() *sqlite3.Conn })
		if !ok {
			return fault.New(fault.Internal, "the connection is not one of SQLite")
		}
		return copyPages(ctx, opened.Raw(), to, seen)
	})
}

func copyPages(ctx context.Context, from *sqlite3.Conn, to string, seen func(done, of int)) (err error) {
	address := url.URL{Scheme: "file", Path: filepath.ToSlash(to), OmitHost: true}
	backup, err := from.BackupInit("main", address.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, backup.Close()) }()
	for done := false; !done; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if done, err = backup.Step(backupPages); err != nil {
			return err
		}
		seen(backup.PageCount()-backup.Remaining(), backup.PageCount())
	}
	return nil
}
