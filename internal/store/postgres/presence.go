package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// aliveSpace is the first half of the advisory locks that show which programs are alive,
// "leth" in ASCII. The second half is the program's number. PostgreSQL keeps locks of two
// halves apart from locks of one number (leaderKey).
const aliveSpace = 0x6c657468

// confirmation is how much time a program that seems to have ended gets to show that it
// is alive. Programs check their sign every second.
const confirmation = 2 * time.Second

// alive is an advisory lock that ends with its connection.
type alive struct {
	conn   *pgx.Conn
	number int64
}

// ShowAlive takes an advisory lock on its own connection. Unavailable while the server
// still holds the lock of a connection that this program has lost.
func (d *Database) ShowAlive(ctx context.Context, number int64) (dialect.Sign, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	a := &alive{conn, number}
	var got bool
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1, $2)", int32(aliveSpace), int32(number)).Scan(&got); err != nil { //nolint:gosec // it is below 2^31
		a.Release()
		return nil, err
	}
	if !got {
		a.Release()
		return nil, fault.New(fault.Unavailable, "the database still keeps a connection of this program that broke")
	}
	return a, nil
}

// Lost checks the lock itself, because a connection pooler may lose it while the
// connection still answers.
func (a *alive) Lost(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	var held bool
	err := a.conn.QueryRow(ctx, "SELECT EXISTS ("+signOf+")", aliveSpace, a.number).Scan(&held)
	return err != nil || !held
}

// Release closes the connection, which releases the lock.
func (a *alive) Release() {
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	_ = a.conn.Close(ctx) // a broken connection has lost the lock already
}

// signOf is the condition of a program's lock in this database. objsubid is 2 for locks
// of two halves.
const signOf = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
	AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
	AND classid = CAST($1 AS bigint) AND objid = CAST($2 AS bigint)`

const withSign = `SELECT CAST(objid AS bigint) FROM pg_locks
	WHERE locktype = 'advisory' AND granted AND objsubid = 2
	AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
	AND classid = CAST($1 AS bigint)`

const withoutSign = `SELECT number FROM unnest(CAST($2 AS bigint[])) AS asked (number)
	WHERE number NOT IN (SELECT CAST(objid AS bigint) FROM pg_locks
		WHERE locktype = 'advisory' AND granted AND objsubid = 2
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND classid = CAST($1 AS bigint))`

// Alive returns the numbers whose locks are taken.
func (d *Database) Alive(ctx context.Context) ([]int64, error) {
	rows, err := d.pool.Query(ctx, withSign, aliveSpace)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

// Ended returns the numbers whose locks are free twice in a row. A program that is alive
// takes its lock again in between.
func (d *Database) Ended(ctx context.Context, numbers []int64) ([]int64, error) {
	ended, err := d.withoutSign(ctx, numbers)
	if err != nil || len(ended) == 0 {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(confirmation):
	}
	return d.withoutSign(ctx, ended)
}

func (d *Database) withoutSign(ctx context.Context, numbers []int64) ([]int64, error) {
	rows, err := d.pool.Query(ctx, withoutSign, aliveSpace, numbers)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}
