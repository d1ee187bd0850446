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

// Migrations are run by one program at a time.
func (*Database) Migrations() dialect.Migrations {
	return dialect.Migrations{Dir: Schema(), Dialect: goose.DialectPostgres, Lock: newMigrationLock()}
}

// migrationLock is an advisory lock of PostgreSQL. Without it two programs that
// start at once could both run a migration, and one that changes rows would
// change them twice.
type migrationLock struct{ lock.SessionLocker }

// A program looks every second whether its turn has come, for an hour. It does not
// wait inside the database: an index that is built concurrently waits for every
// statement, and would wait for that one.
const (
	migrationLockEvery = 1 // seconds
	migrationLockLooks = 3600
)

func newMigrationLock() lock.SessionLocker {
	locker, err := lock.NewPostgresSessionLocker(
		lock.WithLockID(migrationKey), lock.WithLockTimeout(migrationLockEvery, migrationLockLooks))
	if err != nil {
		panic(err) // the numbers above are what it refuses
	}
	return migrationLock{locker}
}

// SessionLock takes the lock and lifts the connection's time-out: a migration
// takes as long as the tables are large. It may not wait for a table's lock for
// long, because everybody else waits behind it.
func (l migrationLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	if err := l.SessionLocker.SessionLock(ctx, conn); err != nil {
		return err
	}
	_, err := conn.ExecContext(ctx, "SET statement_timeout = 0")
	return err
}

// SessionUnlock makes the connection again what it was.
func (l migrationLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "RESET statement_timeout")
	return errors.Join(err, l.SessionLocker.SessionUnlock(ctx, conn))
}
