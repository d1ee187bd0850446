// Package upkeep decides when the database needs work in the background, and which. It
// reclaims the storage of deleted conversations and records that in their receipts, builds
// the vector indexes of large workspaces, replaces broken ones and drops unneeded ones. The
// store knows how to do each of these.
//
// Several programs may share a database. One of them, the leader, looks for work
// regularly. A lock of the database ensures that only one program works at a time.
package upkeep

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lethe-chat/lethe/internal/store"
)

// Options are the parts and settings of an Upkeep.
type Options struct {
	Store   *store.Store
	Logger  *slog.Logger         // nil discards
	Metrics *prometheus.Registry // nil registers no metrics
	Every   time.Duration        // how often to look for work; DefaultEvery when 0
}

// DefaultEvery is how often an Upkeep looks for work without being told about it.
const DefaultEvery = 30 * time.Second

// Upkeep works in the background while Run runs. It is safe for concurrent use.
type Upkeep struct {
	o    Options
	seen *metrics

	deleted    chan struct{} // has a value after a delete until the storage is checked
	lastDelete atomic.Int64  // when, in Unix nanoseconds
	callers    *callers
}

// New returns an Upkeep that does nothing until Run.
func New(o Options) *Upkeep {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Every == 0 {
		o.Every = DefaultEvery
	}
	return &Upkeep{o: o, seen: newMetrics(o.Metrics), deleted: make(chan struct{}, 1), callers: newCallers()}
}

// Deleted reports that something was deleted. It never blocks.
func (u *Upkeep) Deleted() {
	u.lastDelete.Store(time.Now().UnixNano())
	signal(u.deleted)
}

func signal(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default: // there is a signal already
	}
}

// Run does the due work until ctx ends. Then it answers all callers of Reclaim.
func (u *Upkeep) Run(ctx context.Context) {
	ticker := time.NewTicker(u.o.Every)
	defer ticker.Stop()
	defer close(u.callers.stopped)
	var leader store.Leadership
	defer func() {
		if leader != nil {
			leader.Release()
		}
	}()
	for look := u.Once; ; {
		if leader = u.lead(ctx, leader); leader != nil {
			u.safely(ctx, look)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			look = u.Once
		case <-u.deleted:
			u.untilQuiet(ctx)
			look = u.reclaimWhenDue
		case <-u.callers.arrived: // they need not wait for a leader
			u.safely(ctx, u.serve)
			look = u.nothing
		}
	}
}

func (u *Upkeep) nothing(context.Context) error { return nil }

// lead returns the leadership that this program has or gets now, or nil when another
// program has it.
func (u *Upkeep) lead(ctx context.Context, held store.Leadership) store.Leadership {
	if held != nil && !held.Lost(ctx) {
		return held
	}
	if held != nil {
		held.Release()
	}
	leader, ok, err := u.o.Store.Lead(ctx)
	if err != nil && ctx.Err() == nil {
		u.o.Logger.Warn("upkeep: cannot ask for the leadership of the database's upkeep; trying again soon", "error", err)
	}
	if err != nil || !ok {
		return nil
	}
	return leader
}

// safely runs one piece of work. It logs an error or a panic and goes on, because the next
// piece of work may succeed.
func (u *Upkeep) safely(ctx context.Context, work func(context.Context) error) {
	defer func() {
		if p := recover(); p != nil {
			u.o.Logger.Error("upkeep: a panic; trying again soon", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	if err := work(ctx); err != nil && ctx.Err() == nil {
		u.o.Logger.Warn("upkeep: not everything is done; trying again soon", "error", err)
	}
}

// Once does all work that is due now. It drops unneeded vector indexes before it reclaims
// storage, because a vacuum of an index can take longer than building it. It builds new
// indexes last, because that can take minutes.
func (u *Upkeep) Once(ctx context.Context) error {
	return u.o.Store.Exclusively(ctx, func(ctx context.Context) error {
		plan, err := u.plan(ctx)
		u.complain(ctx, "the vector indexes cannot be listed", err)
		u.complain(ctx, "a vector index that is not needed still exists", u.drop(ctx, plan.drop))
		u.complain(ctx, "deleted storage is not reclaimed yet", u.storage(ctx))
		u.complain(ctx, "old idempotency keys are still stored", u.o.Store.ForgetIdempotencyKeys(ctx))
		u.complain(ctx, "a vector index that is needed does not exist yet", u.build(ctx, plan.build))
		return nil
	})
}

func (u *Upkeep) complain(ctx context.Context, of string, err error) {
	if err != nil && ctx.Err() == nil {
		u.o.Logger.Warn("upkeep: "+of+"; trying again soon", "error", err)
	}
}
