package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/lethe-chat/lethe/internal/fault"
)

// poolerRefused says why Lethe does not use a pooler that gives a connection to another
// client after each transaction. Prepared statements and settings of a session would be
// those of somebody else, and an advisory lock would stay with a connection that this
// program does not have any more: two programs could both lead the upkeep, and one that has
// ended would seem to be alive.
const poolerRefused = "LETHE_DATABASE_URL is the address of a connection pooler, such as PgBouncer, in a mode that Lethe cannot use. " +
	"Lethe needs connections of its own, for locks that last as long as a connection: give the address of PostgreSQL itself, " +
	"or a pool with pool_mode = session and ignore_startup_parameters = statement_timeout,lock_timeout,idle_in_transaction_session_timeout"

// poolerLooks is how often refusePooler compares. On a busy pool another client may take
// the server's connection in between.
const poolerLooks = 3

// refusePooler returns Unavailable if two connections are served by the same process of the
// server. PostgreSQL itself gives each connection its own process, and a pooler in session
// mode does so while both are open.
func refusePooler(ctx context.Context, conn *pgx.Conn, config *pgx.ConnConfig) error {
	other, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return unreachable(config, err)
	}
	defer other.Close(ctx) //nolint:errcheck // it was only read
	for range poolerLooks {
		var pids [2]uint32
		for i, c := range []*pgx.Conn{conn, other} {
			// The simple protocol needs no prepared statement, which a pooler may have lost.
			if err := c.QueryRow(ctx, "SELECT pg_backend_pid()", pgx.QueryExecModeSimpleProtocol).Scan(&pids[i]); err != nil {
				return unreachable(config, err)
			}
		}
		if pids[0] == pids[1] {
			return fault.New(fault.Unavailable, poolerRefused)
		}
	}
	return nil
}
