package indexer

import (
	"context"
	"time"

	"github.com/lethe-chat/lethe/internal/store"
)

// mendPolls is how many polls pass between two runs of mendOnce.
const mendPolls = 2

// mend runs mendOnce regularly until ctx ends.
func (x *Indexer) mend(ctx context.Context) {
	ticker := time.NewTicker(mendPolls * x.spreadEvery(x.o.Poll))
	defer ticker.Stop()
	for {
		if err := x.mendOnce(ctx); err != nil && ctx.Err() == nil {
			x.o.Logger.Warn("indexer: cannot look for conversations that wait too long; trying again soon", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// mendOnce makes conversations due that would wait longer than Horizon. Such waits come from
// a program whose clock was ahead.
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
		x.o.Logger.Warn("indexer: conversations had to wait until a time far in the future and are due now; was a clock wrong?", "conversations", early)
		x.WakeIn(0)
	}
	return nil
}
