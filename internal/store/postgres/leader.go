package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// The advisory locks of a database: "lethe" in ASCII and the next numbers. The leader of
// the upkeep holds leaderKey, a program that migrates migrationKey, and a program that
// does upkeep at the moment upkeepKey.
const (
	leaderKey = 0x6c65746865 + iota
	migrationKey
	upkeepKey
)

// leadership is an advisory lock, which ends with its connection.
type leadership struct{ conn *pgx.Conn }

// goodbye is the longest time for closing a connection in order.
const goodbye = time.Second

// Lead takes an advisory lock on its own connection.
func (d *Database) Lead(ctx context.Context) (dialect.Leadership, bool, error) {
	ctx, cancel := d.config.Bounded(ctx)
	defer cancel()
	conn, err := d.connect(ctx)
	if err != nil {
		return nil, false, err
	}
	l := &leadership{conn}
	var got bool
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", int64(leaderKey)).Scan(&got); err != nil || !got {
		l.Release()
		return nil, false, err
	}
	return l, true, nil
}

// Lost reports whether the connection broke.
func (l *leadership) Lost(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return l.conn.Ping(ctx) != nil
}

// Release closes the connection, which releases the lock.
func (l *leadership) Release() {
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	_ = l.conn.Close(ctx) // a broken connection has lost the lock already
}

// turnPoll is how often a waiting program tries to take the lock.
const turnPoll = 50 * time.Millisecond

// Exclusively holds another advisory lock while fn runs, also on its own connection. It
// polls and does not wait inside the database: a concurrent index build waits for every
// running statement, and would wait for this one.
func (d *Database) Exclusively(ctx context.Context, fn func(context.Context) error) error {
	return d.maintain(ctx, func(conn *pgx.Conn) error {
		for {
			var got bool
			if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", int64(upkeepKey)).Scan(&got); err != nil {
				return err
			}
			if got {
				return fn(ctx)
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(turnPoll):
			}
		}
	})
}
