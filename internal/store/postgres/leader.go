package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// advisoryKey names the maintenance of one database among its advisory locks:
// "lethe" in ASCII.
const advisoryKey = 0x6c65746865

// leadership is an advisory lock, which lives and dies with its connection.
type leadership struct{ conn *pgx.Conn }

// goodbye bounds what is done for politeness.
const goodbye = time.Second

// Lead takes an advisory lock, on a connection of its own.
func (d *Database) Lead(ctx context.Context) (dialect.Leadership, bool, error) {
	ctx, cancel := d.config.Bounded(ctx)
	defer cancel()
	conn, err := d.connect(ctx)
	if err != nil {
		return nil, false, err
	}
	l := &leadership{conn}
	var got bool
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", int64(advisoryKey)).Scan(&got); err != nil || !got {
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

// Release closes the connection, and with it goes the lock.
func (l *leadership) Release() {
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	_ = l.conn.Close(ctx) // a broken connection has lost the lock already
}
