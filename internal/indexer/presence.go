package indexer

import (
	"context"
	"time"

	"github.com/lethe-chat/lethe/internal/store"
)

// presenceEvery is how often a program checks that other programs can see that it is alive, and how often it looks
// for claims of programs that have ended.
const presenceEvery = time.Second

// stayAlive keeps this program visible as alive to other programs until ctx ends. seen is whether they could see it
// before.
func (x *Indexer) stayAlive(ctx context.Context, seen bool) {
	every(ctx, presenceEvery, func() { seen = x.showAlive(ctx, seen) })
}

// showAlive reports whether others can see that this program is alive. It logs when that has changed.
func (x *Indexer) showAlive(ctx context.Context, before bool) (seen bool) {
	err := func() (err error) {
		defer recovered(&err)
		ctx, cancel := context.WithTimeout(ctx, lookTime)
		defer cancel()
		return x.o.Store.ShowAlive(ctx)
	}()
	switch {
	case err == nil && !before:
		x.o.Logger.Info("indexer: other programs can see again that this one lives")
	case err != nil && before && ctx.Err() == nil:
		x.o.Logger.Warn("indexer: other programs cannot see that this one lives; should it end, what it indexes waits until its lease ends", "error", err)
	}
	return err == nil
}

// inherit makes the claims of programs that have ended due again, until ctx ends.
func (x *Indexer) inherit(ctx context.Context) {
	failed := false
	look := func() {
		err := x.takeBack(ctx)
		if err != nil && !failed && ctx.Err() == nil {
			x.o.Logger.Warn("indexer: claims of programs that have ended cannot be looked for at the moment", "error", err)
		}
		failed = err != nil
	}
	look()
	every(ctx, x.spreadEvery(presenceEvery), look)
}

func (x *Indexer) takeBack(ctx context.Context) (err error) {
	defer recovered(&err)
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	ended, err := x.o.Store.EndedHolders(ctx)
	if err != nil || len(ended) == 0 {
		return err
	}
	var n int
	err = x.o.Store.InTx(ctx, func(tx *store.Tx) (err error) {
		n, err = tx.TakeClaimsBack(ended)
		return err
	})
	if err != nil || n == 0 {
		return err
	}
	x.o.Logger.Info("indexer: what a program held that has ended is indexed by another one", "conversations", n, "programs", len(ended))
	x.WakeIn(0)
	return nil
}

// every calls fn at each tick until ctx ends.
func every(ctx context.Context, d time.Duration, fn func()) {
	ticker := time.NewTicker(d)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			fn()
		}
	}
}
