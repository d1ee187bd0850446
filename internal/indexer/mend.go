package indexer

import (
	"context"
	"time"

	"github.com/lethe-chat/lethe/internal/store"
)

// mendPolls is how many polls lie between two looks for claims that nobody will
// settle.
const mendPolls = 2

// mend makes due, now and then until ctx ends, what would wait for nothing.
func (x *Indexer) mend(ctx context.Context) {
	ticker := time.NewTicker(mendPolls * x.o.Poll)
	defer ticker.Stop()
	for {
		if err := x.mendOnce(ctx); err != nil && ctx.Err() == nil {
			x.o.Logger.Warn("indexer: abandoned claims cannot be looked for at the moment", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// mendOnce makes due what waits longer than anything should, because the clock of
// whoever put it off was ahead.
func (x *Indexer) mendOnce(ctx context.Context) (err error) {
	defer recovered(&err)
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	var early int
	err = x.o.Store.InTx(ctx, func(tx *store.Tx) (err error) {
		early, err = tx.HurryFuture(x.o.Horizon)
		return err
	})
	if err != nil {
		return err
	}
	if early > 0 {
		x.o.Logger.Warn("indexer: conversations were to wait for a time far ahead and are due now; was a clock wrong?", "conversations", early)
		x.Wake()
	}
	return nil
}
