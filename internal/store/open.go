package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
)

func open(ctx context.Context, o Options) (*Store, error) {
	switch {
	case o.Path != "" && o.URL == "":
		return openSQLite(ctx, o)
	case o.URL != "" && o.Path == "":
		return openPostgres(ctx, o)
	default:
		return nil, fault.Invalidf("the store needs either an SQLite file or a PostgreSQL URL")
	}
}

// trace hands every statement to the one who asked for it.
func trace(db *gorm.DB, to func(string)) error {
	if to == nil {
		return nil
	}
	tell := func(db *gorm.DB) {
		if sql := db.Statement.SQL.String(); sql != "" {
			to(sql)
		}
	}
	const name = "lethe:trace"
	callbacks := db.Callback()
	return errors.Join(
		callbacks.Create().After("gorm:create").Register(name, tell),
		callbacks.Query().After("gorm:query").Register(name, tell),
		callbacks.Update().After("gorm:update").Register(name, tell),
		callbacks.Delete().After("gorm:delete").Register(name, tell),
		callbacks.Row().After("gorm:row").Register(name, tell),
		callbacks.Raw().After("gorm:raw").Register(name, tell),
	)
}

// gormConfig is how GORM runs here: it opens no transaction of its own, says
// unique and foreign-key violations alike on both databases, and never logs a
// statement, because statements carry people's messages. It names every column
// that it reads: a connection that has prepared SELECT * fails when another
// program, newer than this one, adds a column. It keeps no prepared statements: the
// connections of both databases do.
func gormConfig(o Options) *gorm.Config {
	return &gorm.Config{
		SkipDefaultTransaction: true,
		TranslateError:         true,
		QueryFields:            true,
		DisableAutomaticPing:   true,
		Logger:                 logger.Discard,
		NowFunc:                func() time.Time { return chat.Clock(o.Now()) },
	}
}
