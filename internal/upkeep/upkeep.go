// Package upkeep does what a database needs in the background: it reclaims the
// storage of what was deleted and writes so into the receipts, builds the
// vector indexes of workspaces that have outgrown exact search, replaces broken
// ones and drops those nobody needs. Of the programs that share a database, one
// at a time does it. The package owns when; the store knows how.
package upkeep

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lethe-chat/lethe/internal/store"
)

// Options are the parts and settings of a Reclaimer.
type Options struct {
	Store   *store.Store
	Logger  *slog.Logger
	Metrics *prometheus.Registry // where to count; may be nil
	Every   time.Duration        // how often to look; DefaultEvery when 0
}

// DefaultEvery is how often a Reclaimer looks whether there is something to do.
const DefaultEvery = 30 * time.Second

// Reclaimer is started once, with Run.
type Reclaimer struct {
	o    Options
	seen *metrics
	wake chan struct{}
}

// New returns a Reclaimer that is not running yet.
func New(o Options) *Reclaimer {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Every == 0 {
		o.Every = DefaultEvery
	}
	return &Reclaimer{o: o, seen: newMetrics(o.Metrics), wake: make(chan struct{}, 1)}
}

// Wake tells that something was deleted. It never blocks.
func (r *Reclaimer) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run looks now and then, as long as this program is the leader, and returns when
// ctx ends.
func (r *Reclaimer) Run(ctx context.Context) {
	ticker := time.NewTicker(r.o.Every)
	defer ticker.Stop()
	var leader store.Leadership
	defer func() {
		if leader != nil {
			leader.Release()
		}
	}()
	for {
		if leader != nil && leader.Lost(ctx) {
			leader.Release()
			leader = nil
		}
		if leader == nil {
			leader = r.lead(ctx)
		}
		if leader != nil {
			r.Once(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-r.wake:
		}
	}
}

func (r *Reclaimer) lead(ctx context.Context) store.Leadership {
	leader, ok, err := r.o.Store.Lead(ctx)
	if err != nil && ctx.Err() == nil {
		r.o.Logger.Warn("reclaim: cannot ask for the maintenance of the database", "error", err)
	}
	if err != nil || !ok {
		return nil
	}
	return leader
}

// Once does what is due now: only a leader may call it. Vector indexes that nobody
// needs any more go first, for a vacuum of one can take longer than building it, and
// new ones come last, for they can take minutes.
func (r *Reclaimer) Once(ctx context.Context) {
	plan, err := r.plan(ctx)
	r.complain(ctx, "the vector indexes cannot be looked through", err)
	r.complain(ctx, "a vector index that is not needed is still there", r.drop(ctx, plan.drop))
	r.complain(ctx, "deleted storage is not reclaimed yet", r.storage(ctx))
	r.complain(ctx, "a vector index that is needed is not there yet", r.build(ctx, plan.build))
}

func (r *Reclaimer) complain(ctx context.Context, of string, err error) {
	if err != nil && ctx.Err() == nil {
		r.o.Logger.Warn("reclaim: "+of+"; trying again soon", "error", err)
	}
}

// When it pays to reclaim. On SQLite at once: nobody else will, and it is the
// promise of the embedded store. On PostgreSQL a vacuum reads whole tables and
// indexes, so small deletes wait for others.
const (
	worthRows  = 5_000
	worthDelay = 5 * time.Minute
)

// storage reclaims what deletes have left, when there is enough of it, or it is
// old enough.
func (r *Reclaimer) storage(ctx context.Context) error {
	left, err := r.o.Store.Unreclaimed(ctx)
	if err != nil || left.Deletes == 0 {
		return err
	}
	if r.o.Store.Name() == "postgres" && left.Rows < worthRows && time.Since(left.Oldest) < worthDelay {
		return nil
	}
	settled, err := r.o.Store.Reclaim(ctx, false)
	if settled > 0 {
		r.o.Logger.Info("reclaim: the storage of deleted conversations is reclaimed", "deletes", settled)
	}
	return err
}

// plan compares the vector indexes that exist with those that are needed.
func (r *Reclaimer) plan(ctx context.Context) (indexPlan, error) {
	limit := r.o.Store.ExactLimit()
	// An index that exists is kept until its workspace is well below the limit, or
	// one that grows and shrinks around it would be built over and over.
	spaces, err := r.o.Store.LargeSpaces(ctx, limit/2)
	if err != nil {
		return indexPlan{}, err
	}
	indexes, err := r.o.Store.VectorIndexes(ctx)
	if err != nil {
		return indexPlan{}, err
	}
	r.seen.saw(indexes)
	return planIndexes(spaces, indexes, limit), nil
}

func (r *Reclaimer) drop(ctx context.Context, indexes []store.VectorIndex) error {
	for _, index := range indexes {
		r.o.Logger.Info("reclaim: dropping a vector index", "index", index.Name, "valid", index.Valid)
		if err := r.o.Store.DropVectorIndex(ctx, index); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reclaimer) build(ctx context.Context, spaces []store.VectorSpace) error {
	for _, space := range spaces {
		started := time.Now()
		r.o.Logger.Info("reclaim: building a vector index", "workspace_id", int64(space.Workspace), "vectors", space.Vectors)
		if err := r.o.Store.BuildVectorIndex(ctx, space); err != nil {
			return err
		}
		r.seen.built(time.Since(started))
		r.o.Logger.Info("reclaim: built a vector index", "workspace_id", int64(space.Workspace), "took", time.Since(started))
	}
	return nil
}

// indexPlan is the difference between the indexes that are needed and those that
// exist.
type indexPlan struct {
	drop  []store.VectorIndex
	build []store.VectorSpace
}

// planIndexes decides: what is broken goes, unless somebody is still building it;
// what serves a space that has become small or is gone goes too; what is large
// and has none is built.
func planIndexes(spaces []store.VectorSpace, indexes []store.VectorIndex, limit int) indexPlan {
	needed := make(map[store.VectorSpace]int, len(spaces))
	for _, s := range spaces {
		needed[unsized(s)] = s.Vectors
	}
	var plan indexPlan
	served := make(map[store.VectorSpace]bool, len(indexes))
	for _, x := range indexes {
		switch _, wanted := needed[unsized(x.VectorSpace)]; {
		case x.Building:
			served[unsized(x.VectorSpace)] = true
		case !x.Valid || !wanted:
			plan.drop = append(plan.drop, x)
		default:
			served[unsized(x.VectorSpace)] = true
		}
	}
	for _, s := range spaces {
		if s.Vectors > limit && !served[unsized(s)] {
			plan.build = append(plan.build, s)
		}
	}
	return plan
}

func unsized(s store.VectorSpace) store.VectorSpace {
	s.Vectors = 0
	return s
}
