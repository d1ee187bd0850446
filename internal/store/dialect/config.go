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

// Config has what every kind of database needs to be opened. All fields but Trace must be
// set.
type Config struct {
	Logger   *slog.Logger     // warnings about the database itself; never SQL or content
	Now      func() time.Time // the clock
	Patience time.Duration    // the longest statement of a caller without a deadline

	// Trace, if set, receives every statement without its values. Tests use it.
	Trace func(statement string)
}

// GORM opens GORM on a connection. It is configured like this:
//
//   - It opens no transaction by itself.
//   - It reports unique and foreign-key violations alike on both databases.
//   - It logs nothing, because statements contain people's messages.
//   - It names every column that it reads. A prepared SELECT * fails when a newer
//     program adds a column.
//   - It keeps no prepared statements, because the connections of both databases do.
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

// trace passes every statement of a handle to a function.
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

// Bounded returns the context with the deadline of Patience, if it has none.
func (c Config) Bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.Patience)
}
