package sqlite

import (
	"errors"
	"io"

	"github.com/ncruces/go-sqlite3"
)

// TextPiece calls message_text_piece. SQLite's substr would load the whole text into the
// connection's memory, which never shrinks.
func (*Database) TextPiece() string { return "message_text_piece(messages.rowid, ?, ?)" }

// registerTextPiece registers the SQL function message_text_piece(rowid, offset, length).
// It reads that many bytes of a message's text page by page, in the transaction of its
// caller.
func registerTextPiece(conn *sqlite3.Conn) error {
	return conn.CreateFunction("message_text_piece", 3, sqlite3.DIRECTONLY, func(ctx sqlite3.Context, args ...sqlite3.Value) {
		piece, err := readTextPiece(ctx.Conn(), args[0].Int64(), args[1].Int64(), args[2].Int())
		if err != nil {
			ctx.ResultError(err)
			return
		}
		ctx.ResultBlob(piece)
	})
}

func readTextPiece(conn *sqlite3.Conn, row, offset int64, length int) (_ []byte, err error) {
	text, err := conn.OpenBlob("main", "messages", "text", row, false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, text.Close()) }()
	if _, err := text.Seek(offset, io.SeekStart); err != nil {
		return nil, err
	}
	piece := make([]byte, length)
	n, err := io.ReadFull(text, piece)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = nil
	}
	return piece[:n], err
}
