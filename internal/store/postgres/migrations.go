package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/lethe-chat/lethe/internal/store/dialect"
)

//go:embed migrations
var migrations embed.FS

// Schema is the folder of the migrations.
func Schema() fs.FS {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the name is a constant
	}
	return dir
}

// Migrations run in one program at a time.
func (*Database) Migrations() dialect.Migrations {
	return dialect.Migrations{Dir: Schema(), Dialect: goose.DialectPostgres, Lock: newMigrationLock()}
}

// migrationLock is an advisory lock of PostgreSQL. Without it two programs that start
// together could run the same migration twice.
//
// A program tries to take the lock every second for an hour. It polls and does not wait
// inside the database: a concurrent index build waits for every running statement, and
// would wait for this one.
type migrationLock struct{ lock.SessionLocker }

// A program checks every second, for an hour, whether the lock is free. It does not wait inside the database, because
// a concurrent index build waits for every running statement, and would wait for that one.
const (
	migrationLockEvery = 1 // seconds
	migrationLockLooks = 3600
)

func newMigrationLock() lock.SessionLocker {
	locker, err := lock.NewPostgresSessionLocker(
		lock.WithLockID(migrationKey), lock.WithLockTimeout(migrationLockEvery, migrationLockLooks))
	if err != nil {
		panic(err) // it fails only for wrong constants
	}
	return migrationLock{locker}
}

// SessionLock takes the lock and removes the connection's statement time-out, because a
// migration can take long. It waits only briefly for the lock of a table, because
// everybody else waits behind it.
func (l migrationLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	if err := l.SessionLocker.SessionLock(ctx, conn); err != nil {
		return err
	}
	_, err := conn.ExecContext(ctx, "SET statement_timeout = 0")
	return err
}

// SessionUnlock restores the connection's settings.
func (l migrationLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "RESET statement_timeout")
	return errors.Join(err, l.SessionLocker.SessionUnlock(ctx, conn))
}
