package dialect

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"
)

// maxTries is how often a transaction runs that fails because of others: the database
// ended it (a deadlock, a serialization failure), or its connection broke.
const maxTries = 4

// retryPause is the longest pause before the second attempt. Later pauses are longer.
const retryPause = 20 * time.Millisecond

// InTransaction runs fn in one transaction and commits it when fn returns nil. fn
// may run more than once. The errors are fn's and the driver's own.
func InTransaction(ctx context.Context, on *gorm.DB, errs Errors, fn func(*gorm.DB) error, options ...*sql.TxOptions) error {
	var err error
	for try := 1; try <= maxTries; try++ {
		committing := false
		err = on.WithContext(ctx).Transaction(func(db *gorm.DB) error {
			err := fn(db)
			committing = err == nil
			return err
		}, options...)
		undone := errs.Transient(err) || (!committing && errs.Disconnected(err))
		if undone || errors.Is(err, sql.ErrTxDone) {
			// SQLite answers BUSY to a caller that stops waiting for a lock, and
			// database/sql says that the transaction has ended. Neither says that the
			// context ended.
			err = errors.Join(ctx.Err(), err)
		}
		if err == nil || ctx.Err() != nil || !undone {
			break
		}
		select { // let the other transaction finish first
		case <-ctx.Done():
		case <-time.After(rand.N(time.Duration(try) * retryPause)): //nolint:gosec // it is no secret
		}
	}
	return err
}
