package sqlite

import (
	"embed"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/lethe-chat/lethe/internal/store/dialect"
)

//go:embed migrations
var migrations embed.FS

// Schema is the folder of the migrations.
func Schema() fs.FS {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the name is a constant
	}
	return dir
}

// Migrations have no lock: SQLite has none that lasts as long as a connection.
func (*Database) Migrations() dialect.Migrations {
	return dialect.Migrations{Dir: Schema(), Dialect: goose.DialectSQLite3}
}
