package postgres

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// copyFrom is the number of rows from which COPY is faster than one INSERT. COPY needs
// one more round trip and half the time per row.
const copyFrom = 50

// copyingPool is the pool that GORM uses. COPY needs the driver's connection, which
// database/sql gives only to the holder of a connection. So a transaction of this pool
// knows its connection.
type copyingPool struct {
	*sql.DB
}

var (
	_ gorm.ConnPoolBeginner = copyingPool{}
	_ gorm.GetDBConnector   = copyingPool{}
	_ gorm.Tx               = (*copyingTx)(nil)
)

// GetDBConn returns the pool itself.
func (p copyingPool) GetDBConn() (*sql.DB, error) { return p.DB, nil }

// BeginTx begins a transaction that can use COPY.
func (p copyingPool) BeginTx(ctx context.Context, o *sql.TxOptions) (gorm.ConnPool, error) {
	conn, err := p.Conn(ctx)
	if err != nil {
		return nil, err
	}
	tx, err := conn.BeginTx(ctx, o)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &copyingTx{Tx: tx, conn: conn}, nil
}

type copyingTx struct {
	*sql.Tx
	conn *sql.Conn
}

// Commit commits and returns the connection to the pool.
func (t *copyingTx) Commit() error {
	defer t.conn.Close() //nolint:errcheck // it only goes back to the pool
	return t.Tx.Commit()
}

// Rollback rolls back and returns the connection to the pool. After a failed Commit it
// does nothing.
func (t *copyingTx) Rollback() error {
	defer t.conn.Close() //nolint:errcheck // it only goes back to the pool
	return t.Tx.Rollback()
}

// copyRows writes rows of a table by COPY, in the transaction of db.
func copyRows[R any](db *gorm.DB, table string, columns []string, rows []R, values func(R) []any) error {
	tx := db.Statement.ConnPool.(*copyingTx) //nolint:errcheck,forcetypeassert // every writer is a Tx, and so in a transaction of copyingPool
	return tx.conn.Raw(func(driver any) error {
		conn := driver.(*stdlib.Conn).Conn() //nolint:errcheck,forcetypeassert // it is Open's own driver
		_, err := conn.CopyFrom(db.Statement.Context, pgx.Identifier{table}, columns,
			pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) { return values(rows[i]), nil }))
		return err
	})
}

var messageColumns = []string{
	"workspace_id", "conversation_id", "position", "id", "external_id", "sender", "text", "created_at", "branch", "hidden", "inferred", "files",
}

// InsertMessages writes many messages by COPY.
func (*Database) InsertMessages(db *gorm.DB, rows []dialect.MessageRow) error {
	if len(rows) < copyFrom && !slices.ContainsFunc(rows, func(r dialect.MessageRow) bool { return len(r.Text) > dialect.MessageBatchText }) {
		return dialect.InsertMessageBatches(db, rows) // COPY holds a long text once, INSERT twice
	}
	return copyRows(db, "messages", messageColumns, rows, func(r dialect.MessageRow) []any {
		return []any{r.WorkspaceID, r.ConversationID, r.Position, r.ID, r.ExternalID, r.Sender, r.Text, r.CreatedAt, r.Branch, r.Hidden, r.Inferred, r.Files}
	})
}
