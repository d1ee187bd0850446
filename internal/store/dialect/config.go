package dialect

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/lethe-chat/lethe/internal/chat"
)

// Config is what every kind of database is opened with. All fields but Trace must be
// set.
type Config struct {
	Logger   *slog.Logger     // warnings about the database itself; never SQL or content
	Now      func() time.Time // the clock
	Patience time.Duration    // how long a statement may take whose caller has set no deadline

	// Trace, when it is set, is given every statement, without its values: for tests
	// of the statements themselves.
	Trace func(statement string)
}

// GORM opens GORM on a connection. GORM opens no transaction of its own, reports
// unique and foreign-key violations alike on both databases, and never logs a
// statement, because statements carry people's messages. It names every column
// that it reads: a connection that has prepared SELECT * fails when another
// program, newer than this one, adds a column. It keeps no prepared statements: the
// connections of both databases do.
func (c Config) GORM(dialector gorm.Dialector) (*gorm.DB, error) {
	db, err := gorm.Open(dialector, &gorm.Config{
		SkipDefaultTransaction: true,
		TranslateError:         true,
		QueryFields:            true,
		DisableAutomaticPing:   true,
		Logger:                 logger.Discard,
		NowFunc:                func() time.Time { return chat.Clock(c.Now()) },
	})
	if err != nil {
		return nil, err
	}
	return db, c.trace(db)
}

// trace hands every statement of a handle to whoever asked for it.
func (c Config) trace(db *gorm.DB) error {
	if c.Trace == nil {
		return nil
	}
	tell := func(db *gorm.DB) {
		if sql := db.Statement.SQL.String(); sql != "" {
			c.Trace(sql)
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

// Bounded gives a context the deadline that Patience sets, if it has none.
func (c Config) Bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.Patience)
}
