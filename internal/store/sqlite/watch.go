package sqlite

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"

	"github.com/ncruces/go-sqlite3"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/bitcode"
)

// watched is a connection that writes. SQLite tells it of every vector that a
// transaction adds, changes or deletes, those that a cascade deletes among them. It
// announces them to the codes before it commits.
type watched struct {
	session
	codes   *bitcode.Codes
	from    int64 // the version in which the transaction found the vectors; 0 until it changes any
	changed bitcode.Conversations
}

func watch(conn session, codes *bitcode.Codes) *watched {
	w := &watched{session: conn, codes: codes}
	w.forget()
	conn.Raw().PreUpdateHook(w.observe)
	return w
}

func (w *watched) forget() { w.from, w.changed = 0, bitcode.Conversations{} }

// observe is called for each row of any table that is about to change.
func (w *watched) observe(row sqlite3.PreUpdateData) {
	switch row.Table {
	case "vector_version":
		if version, err := row.Old(0); err == nil && w.from == 0 {
			w.from = version.Int64()
		}
	case "embeddings":
		if row.Op != sqlite3.AUTH_INSERT {
			w.note(row.Old)
		}
		if row.Op != sqlite3.AUTH_DELETE {
			w.note(row.New)
		}
	}
}

// note remembers whose vector a row is. The first two columns of embeddings say so.
func (w *watched) note(column func(int) (sqlite3.Value, error)) {
	workspace, err1 := column(0)
	conversation, err2 := column(1)
	if err1 != nil || err2 != nil { // out of memory: the transaction will fail as well
		return
	}
	ws := chat.WorkspaceID(workspace.Int64())
	if w.changed[ws] == nil {
		w.changed[ws] = map[string]struct{}{}
	}
	w.changed[ws][conversation.Text()] = struct{}{}
}

// BeginTx begins a transaction of which every change to vectors is noted.
func (w *watched) BeginTx(ctx context.Context, o sqldriver.TxOptions) (sqldriver.Tx, error) {
	w.forget()
	tx, err := w.session.BeginTx(ctx, o)
	return watchedTx{tx, w}, err
}

type watchedTx struct {
	sqldriver.Tx
	conn *watched
}

// Commit announces what the transaction has changed to the codes, and commits. The
// codes of what it deletes are overwritten before the delete is durable. A transaction
// that rolls back announces nothing; after a commit that fails, the next search reads
// what it would have changed.
func (t watchedTx) Commit() error {
	w := t.conn
	if len(w.changed) == 0 {
		return t.Tx.Commit()
	}
	to, err := w.version()
	if err != nil {
		return errors.Join(err, t.Tx.Rollback())
	}
	change := w.codes.Announce(w.from, to, w.changed)
	if err := t.Tx.Commit(); err != nil {
		change.Failed()
		return err
	}
	change.Committed()
	return nil
}

// version is that in which the transaction leaves the vectors.
func (w *watched) version() (version int64, err error) {
	statement, _, err := w.Raw().Prepare("SELECT version FROM vector_version")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, statement.Close()) }()
	if statement.Step() {
		version = statement.ColumnInt64(0)
	}
	return version, statement.Err()
}
