package dialect

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"
)

// maxTries is how often a transaction is run that failed through no fault of its
// own: the database ended it (a deadlock, a serialization failure), or its
// connection broke.
const maxTries = 4

// retryPause is the longest wait before the second try; the next ones wait longer.
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
			// A caller that stops waiting for a lock is told that it is taken, and one that
			// leaves before the commit that the transaction is over: neither says why.
			err = errors.Join(ctx.Err(), err)
		}
		if err == nil || ctx.Err() != nil || !undone {
			break
		}
		select { // the other transaction goes first, or the two meet again
		case <-ctx.Done():
		case <-time.After(rand.N(time.Duration(try) * retryPause)): //nolint:gosec // it is no secret
		}
	}
	return err
}
