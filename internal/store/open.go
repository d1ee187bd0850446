package store

import (
	"context"
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

// statementCacheSize bounds the prepared statements that are kept a connection
// pool: lists of different lengths are different statements.
const statementCacheSize = 256

// gormConfig is how GORM runs here: it opens no transaction of its own, says
// unique and foreign-key violations alike on both databases, and never logs a
// statement, because statements carry people's messages.
func gormConfig(o Options) *gorm.Config {
	return &gorm.Config{
		SkipDefaultTransaction: true,
		TranslateError:         true,
		PrepareStmt:            true,
		PrepareStmtMaxSize:     statementCacheSize,
		DisableAutomaticPing:   true,
		Logger:                 logger.Discard,
		NowFunc:                func() time.Time { return chat.Clock(o.Now()) },
	}
}
