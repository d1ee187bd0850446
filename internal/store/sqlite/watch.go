package sqlite

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"

	"github.com/ncruces/go-sqlite3"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/bitcode"
)

// watched is a connection that writes. SQLite reports to it every vector that a
// transaction adds, changes or deletes, cascades included. It announces them to the codes
// before it commits.
type watched struct {
	session
	codes   *bitcode.Codes
	from    int64 // the version of the vectors before the transaction; 0 until it changes one
	changed bitcode.Conversations
}

func watch(conn session, codes *bitcode.Codes) *watched {
	w := &watched{session: conn, codes: codes}
	w.forget()
	conn.Raw().PreUpdateHook(w.observe)
	return w
}

func (w *watched) forget() { w.from, w.changed = 0, bitcode.Conversations{} }

// observe is called for each row that is about to change, in any table.
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

// note records the conversation of a vector, from the first two columns of embeddings.
func (w *watched) note(column func(int) (sqlite3.Value, error)) {
	workspace, err1 := column(0)
	conversation, err2 := column(1)
	if err1 != nil || err2 != nil { // out of memory: the transaction fails too
		return
	}
	ws := chat.WorkspaceID(workspace.Int64())
	if w.changed[ws] == nil {
		w.changed[ws] = map[chat.ConversationID]struct{}{}
	}
	w.changed[ws][chat.ConversationID(conversation.Text())] = struct{}{}
}

// BeginTx begins a transaction and records its changes to vectors.
func (w *watched) BeginTx(ctx context.Context, o sqldriver.TxOptions) (sqldriver.Tx, error) {
	w.forget()
	tx, err := w.session.BeginTx(ctx, o)
	return watchedTx{tx, w}, err
}

type watchedTx struct {
	sqldriver.Tx
	conn *watched
}

// Commit announces the changed conversations to the codes, and commits. So the codes of
// deleted vectors are overwritten before the delete is durable. A rollback announces
// nothing. After a failed commit the next search reads these conversations.
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

// version is the version of the vectors after the transaction.
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
