package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// connect opens a connection outside the pool, so that work of minutes does not take one
// from the requests.
func (d *Database) connect(ctx context.Context) (*pgx.Conn, error) {
	return pgx.ConnectConfig(ctx, d.pool.Config().ConnConfig)
}

// maintenanceMemory is enough to build the index of a few hundred thousand vectors in
// memory, which is many times faster.
const maintenanceMemory = "512MB"

// maintain runs fn on a connection without time-outs, because building an index can take
// long.
func (d *Database) maintain(ctx context.Context, fn func(*pgx.Conn) error) error {
	conn, err := d.connect(ctx)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
		defer cancel()
		_ = conn.Close(closing) // it is not used again
	}()
	_, err = conn.Exec(ctx, `SELECT set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false),
		set_config('maintenance_work_mem', $1, false)`, maintenanceMemory)
	if err != nil {
		return err
	}
	return fn(conn)
}
