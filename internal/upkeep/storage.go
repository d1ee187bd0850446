package upkeep

import (
	"context"
	"time"

	"github.com/lethe-chat/lethe/internal/store"
)

// When to reclaim storage. On SQLite a reclaim is cheap and runs after every delete. On
// PostgreSQL a vacuum reads whole tables and indexes, so small deletes wait until there are
// more of them, unless a caller waits.
const (
	worthRows  = 5_000
	worthDelay = 5 * time.Minute
)

// reclaimWhenDue reclaims storage after deletes. It reads only the receipts unless there is
// enough to do.
func (u *Upkeep) reclaimWhenDue(ctx context.Context) error {
	due, err := u.due(ctx)
	if err != nil || !due {
		return err
	}
	if !u.o.Store.ReclaimIsCheap() {
		return u.Once(ctx) // it first drops vector indexes that would slow down the vacuum
	}
	return u.o.Store.Exclusively(ctx, u.reclaim)
}

// storage reclaims the storage of deletes if there is enough of it, or if it is old enough.
func (u *Upkeep) storage(ctx context.Context) error {
	due, err := u.due(ctx)
	if err != nil || !due {
		return err
	}
	return u.reclaim(ctx)
}

func (u *Upkeep) due(ctx context.Context) (bool, error) {
	left, err := u.o.Store.Unreclaimed(ctx)
	if err != nil || left.Deletes == 0 {
		return false, err
	}
	return u.o.Store.ReclaimIsCheap() || left.Rows >= worthRows || time.Since(left.Oldest) >= worthDelay, nil
}

// reclaim reclaims the storage of all deletes so far.
func (u *Upkeep) reclaim(ctx context.Context) error {
	settled, err := u.o.Store.Reclaim(ctx, store.Reclaiming{Pause: u.giveWay})
	if settled > 0 {
		u.o.Logger.Info("upkeep: reclaimed the storage of deleted conversations", "deletes", settled)
	}
	return err
}

// Upkeep competes with deletes for the database, so it waits for a pause between deletes,
// but only for a limited time.
const (
	quiet       = 50 * time.Millisecond // this long without a delete is a pause
	longestWait = time.Second           // limit before the first step

	stepQuiet       = 20 * time.Millisecond // the same between two steps
	longestStepWait = 200 * time.Millisecond
)

// untilQuiet waits before a reclaim until deletes pause.
func (u *Upkeep) untilQuiet(ctx context.Context) { u.pause(ctx, quiet, longestWait) }

// giveWay waits between two steps of a reclaim while deletes go on.
func (u *Upkeep) giveWay(ctx context.Context) error {
	u.pause(ctx, stepQuiet, longestStepWait)
	return ctx.Err()
}

// pause waits until there was no delete for the duration quiet, but not longer than longest.
// It returns at once when a caller waits for the reclaim.
func (u *Upkeep) pause(ctx context.Context, quiet, longest time.Duration) {
	end := time.NewTimer(longest)
	defer end.Stop()
	for {
		left := quiet - time.Since(time.Unix(0, u.lastDelete.Load()))
		if left <= 0 || u.callers.any() {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-end.C:
			return
		case <-u.callers.arrived:
			signal(u.callers.arrived) // put the signal back, because Run must receive it too
			return
		case <-time.After(left):
		}
	}
}
