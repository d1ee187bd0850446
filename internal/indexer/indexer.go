// Package indexer makes stored conversations searchable. It claims queued conversations,
// splits them into chunks, embeds the chunks, and stores the result if the conversation
// still exists and is unchanged. There is no job table: a conversation's own row says
// whether it needs indexing, so deleting the conversation also deletes its work. When
// nothing is queued, the package re-indexes conversations that were indexed with another
// recipe. It owns workers, retries and back-off. It knows no SQL and does not decide what
// may be stored.
package indexer

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lethe-chat/lethe/internal/breaker"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/store"
)

// Options are the parts and the settings of an Indexer.
type Options struct {
	Store    *store.Store
	Embedder embed.Embedder
	Logger   *slog.Logger         // nil discards; texts are never logged
	Workers  int                  // how many conversations are embedded at once, at least 1
	Metrics  *prometheus.Registry // nil registers no metrics
	// MaxTokens is how many tokens of a conversation are indexed; 0 means all.
	MaxTokens int
	// Settings identifies all settings that may decide whether a text can be embedded. If
	// they differ from the last start, failed conversations are retried.
	Settings string

	// The remaining options have good defaults. Tests set them.
	Lease       time.Duration // how long a claim is valid without an extension
	Poll        time.Duration // how often to look for work that another program left
	MaxAttempts int           // attempts before a conversation is failed
	Backoff     func(attempt int) time.Duration
	Horizon     time.Duration   // no conversation waits longer than this
	Grace       time.Duration   // how long the embedder may still answer after a stop
	Trials      breaker.Options // how to try an embedder that does not answer
}

// The defaults of Options.
const (
	DefaultLease       = time.Minute
	DefaultPoll        = 2 * time.Second
	DefaultMaxAttempts = 8
	DefaultHorizon     = 10 * time.Minute
	DefaultGrace       = time.Second
	firstBackoff       = time.Second
	maxBackoff         = 2 * time.Minute
)

// Indexer runs the workers. Call Run only once.
type Indexer struct {
	o       Options
	wake    chan struct{}
	idle    chan struct{} // has a value after a worker found no more work
	seen    *metrics
	adopted atomic.Bool
	outage  *breaker.Breaker // of the embedder
	spread  bool             // the workspaces are on several servers
	woken   wokenWorkspaces  // used only where the workspaces are on several servers
	asking  chan struct{}    // has an entry for each worker that may ask the embedder
	cutOff  chan struct{}    // closed when the service stops and no longer waits for the embedder
}

// New returns an Indexer that is not running yet.
func New(o Options) *Indexer {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Workers = max(o.Workers, 1)
	if o.Lease == 0 {
		o.Lease = DefaultLease
	}
	if o.Poll == 0 {
		o.Poll = DefaultPoll
	}
	if o.MaxAttempts == 0 {
		o.MaxAttempts = DefaultMaxAttempts
	}
	if o.Backoff == nil {
		o.Backoff = backoff
	}
	if o.Horizon == 0 {
		o.Horizon = DefaultHorizon
	}
	if o.Grace == 0 {
		o.Grace = DefaultGrace
	}
	x := &Indexer{
		spread: o.Store != nil && o.Store.Spread(),
		o:      o, wake: make(chan struct{}, 1), idle: make(chan struct{}, 1), seen: newMetrics(o.Metrics),
		asking: make(chan struct{}, o.Workers), cutOff: make(chan struct{}),
	}
	x.outage = x.newOutage(o.Trials)
	return x
}

// Wake tells the workers that there may be work. It never blocks.
func (x *Indexer) Wake() { signal(x.wake) }

// WakeIn is Wake for work in one workspace, or in any if it is 0. Where the workspaces are on several servers,
// only the server of this one is asked.
func (x *Indexer) WakeIn(ws chat.WorkspaceID) {
	switch {
	case ws == 0:
		x.woken.lookNow()
	case x.spread:
		x.woken.add(ws)
	}
	x.Wake()
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run works until soft ends. Then it begins no new conversation and finishes the current
// ones, except those for which the embedder takes longer than Grace: it returns them to the
// queue. When hard ends too, it returns all of them. Run returns when all workers have
// ended.
func (x *Indexer) Run(soft, hard context.Context) {
	x.adoptFirst(soft)
	cutOff := x.cutOffAfter(soft)
	defer cutOff()
	var living, workers sync.WaitGroup
	present, leave := context.WithCancel(context.WithoutCancel(soft)) // as long as a worker holds anything
	seen := x.showAlive(soft, true)                                   // before anything is claimed
	living.Go(func() { x.stayAlive(present, seen) })
	workers.Go(func() { x.follow(soft) })
	workers.Go(func() { x.mend(soft) })
	workers.Go(func() { x.inherit(soft) })
	for range x.o.Workers + 1 { // one more, so that a worker is free for words while the others wait for the embedder
		workers.Go(func() { x.work(soft, hard) })
	}
	workers.Wait()
	leave()
	living.Wait()
	x.outage.Close()
}

// adoptFirst calls Adopt unless it was called before. A failure is only logged, because follow tries again.
func (x *Indexer) adoptFirst(ctx context.Context) {
	if x.adopted.Load() {
		return
	}
	err := func() (err error) {
		defer recovered(&err)
		return x.Adopt(ctx)
	}()
	if err != nil && ctx.Err() == nil {
		x.o.Logger.Error("indexer: cannot record the embedding model as the current one yet; trying again soon", "error", err)
	}
}

func (x *Indexer) work(soft, hard context.Context) {
	for busy := false; soft.Err() == nil; {
		vectors := x.mayAsk()
		claim, ok, err := x.claim(soft, vectors)
		if busy && !ok {
			signal(x.idle)
		}
		busy = ok
		if !ok {
			x.done(vectors)
		}
		switch {
		case ok: // also after soft has ended, because the claim would block the conversation for a whole lease
			x.Wake() // there may be more work: let an idle worker look
			x.index(hard, claim, vectors)
			x.done(vectors)
		case soft.Err() != nil:
			return
		case err != nil:
			x.o.Logger.Error("indexer: no conversation could be claimed", "error", err)
			x.sleep(soft, x.o.Poll)
		default:
			x.sleep(soft, x.untilDue(soft, vectors))
		}
	}
}

// mayAsk reports whether the worker may ask the embedder: the embedder must answer and at
// most Workers workers may ask at once. If it returns true, the worker must call done.
func (x *Indexer) mayAsk() bool {
	if x.outage.Lost() {
		return false
	}
	select {
	case x.asking <- struct{}{}:
		return true
	default:
		return false
	}
}

func (x *Indexer) done(asked bool) {
	if asked {
		<-x.asking
	}
}

// claim takes a conversation that is due: first one whose words are not indexed, then, if
// vectors is true, one that lacks vectors, then one that is behind. A stop does not
// interrupt it: if the answer were lost, the conversation would be blocked for a whole
// lease.
func (x *Indexer) claim(ctx context.Context, vectors bool) (claim store.Claim, ok bool, err error) {
	defer recovered(&err)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTime)
	defer cancel()
	if x.spread {
		return x.claimSpread(ctx, vectors)
	}
	var claims []store.Claim
	err = x.o.Store.InTx(ctx, func(tx *store.Tx) (err error) {
		claims, err = tx.Claim(x.o.Lease, 1, vectors)
		if err == nil && len(claims) == 0 && vectors && x.adopted.Load() {
			claims, err = tx.ClaimBehind(x.recipe(), x.o.Lease)
		}
		return err
	})
	if err != nil || len(claims) == 0 {
		return store.Claim{}, false, err
	}
	return claims[0], true, nil
}

// lookTime limits the search for work, so that a database that does not answer cannot block
// a worker.
const lookTime = 10 * time.Second

// untilDue returns how long an idle worker may sleep: until the next back-off or lease ends,
// at most Poll.
func (x *Indexer) untilDue(ctx context.Context, vectors bool) time.Duration {
	if x.spread {
		return x.woken.untilLook()
	}
	due, ok, err := x.nextDue(ctx, vectors)
	if err != nil && ctx.Err() == nil {
		x.o.Logger.Warn("indexer: cannot read when the next conversation is due; looking again soon", "error", err)
	}
	if err != nil || !ok {
		return x.o.Poll
	}
	return min(max(time.Until(due), time.Millisecond), x.o.Poll)
}

func (x *Indexer) nextDue(ctx context.Context, vectors bool) (due time.Time, ok bool, err error) {
	defer recovered(&err)
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	return x.o.Store.View(ctx).NextDue(vectors)
}

func (x *Indexer) sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-x.wake:
	case <-timer.C:
	}
}

// backoff doubles from one second to two minutes, randomly up to a quarter more or less, so
// that conversations that failed together are not all retried together.
func backoff(attempt int) time.Duration {
	d := min(firstBackoff<<min(attempt-1, 10), maxBackoff)
	return d - d/4 + rand.N(d/2) //nolint:gosec // spreading out needs no secrets
}

// lost reports whether the error says that the claim was lost.
func lost(err error) bool { return errors.Is(err, store.ErrClaimLost) }

func asRefused(err error, target *errRefused) bool { return errors.As(err, target) }
