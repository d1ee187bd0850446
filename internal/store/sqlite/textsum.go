package sqlite

import (
	"github.com/ncruces/go-sqlite3"

	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// registerTextSum gives SQL the function passage_text_sum(text), which migration 12 is
// written with.
func registerTextSum(conn *sqlite3.Conn) error {
	return conn.CreateFunction("passage_text_sum", 1, sqlite3.DIRECTONLY|sqlite3.DETERMINISTIC, func(ctx sqlite3.Context, args ...sqlite3.Value) {
		ctx.ResultInt64(dialect.TextSum(args[0].Text()))
	})
}
