package sqlite

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"

	"github.com/ncruces/go-sqlite3"

	"github.com/lethe-chat/lethe/internal/chat"
)

// watched is a connection that writes. It hears from SQLite of every vector that a
// transaction adds, changes or deletes, those that a cascade takes among them, and
// tells the codes when it has committed, before anybody learns that it has.
type watched struct {
	session
	tell    *codes
	found   int64 // the version in which the transaction found the vectors; 0 until it changes any
	changed conversations
}

func watch(conn session, tell *codes) *watched {
	w := &watched{session: conn, tell: tell}
	w.forget()
	conn.Raw().PreUpdateHook(w.saw)
	return w
}

func (w *watched) forget() { w.found, w.changed = 0, conversations{} }

// saw is called for each row of any table that is about to change.
func (w *watched) saw(row sqlite3.PreUpdateData) {
	switch row.Table {
	case "vector_version":
		if version, err := row.Old(0); err == nil && w.found == 0 {
			w.found = version.Int64()
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

// BeginTx begins a transaction of which everything is noted.
func (w *watched) BeginTx(ctx context.Context, o sqldriver.TxOptions) (sqldriver.Tx, error) {
	w.forget()
	tx, err := w.session.BeginTx(ctx, o)
	return watchedTx{tx, w}, err
}

type watchedTx struct {
	sqldriver.Tx
	conn *watched
}

// Commit commits, and tells the codes what is no longer as it was. A transaction that
// fails to commit, or rolls back, has changed nothing.
func (t watchedTx) Commit() error {
	w := t.conn
	if len(w.changed) == 0 {
		return t.Tx.Commit()
	}
	left, err := w.left()
	if err != nil {
		return errors.Join(err, t.Tx.Rollback())
	}
	w.tell.committing(left)
	if err := t.Tx.Commit(); err != nil {
		w.tell.failed()
		return err
	}
	w.tell.committed(w.found, left, w.changed)
	return nil
}

// left is the version in which the transaction leaves the vectors.
func (w *watched) left() (version int64, err error) {
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
