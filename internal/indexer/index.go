package indexer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// The outcomes of working on a claim, as logs and metrics name them.
const (
	outcomeReady     = "ready"
	outcomeLost      = "lost"
	outcomeRetried   = "retried"
	outcomeFailed    = "failed"
	outcomeReleased  = "released"
	outcomeRenewed   = "renewed"   // it was ready, and is now indexed by the current recipe
	outcomeGivenUp   = "given_up"  // it could not be, and stays as it was
	outcomeWords     = "words"     // words find it; its vectors wait for a free worker
	outcomePostponed = "postponed" // words find it; its vectors wait for the embedder
	outcomeRequeued  = "requeued"  // it is too large to be renewed at once, and is indexed in steps
)

// settleTime is how long giving a claim back may take when the worker has been
// told to stop. If it fails, the lease runs out by itself.
const settleTime = 5 * time.Second

// index works on one claimed conversation and settles the claim, whatever happens.
// Without a right to the embedder it goes as far as words.
func (x *Indexer) index(ctx context.Context, claim store.Claim, vectors bool) {
	started := time.Now()
	held, release := x.hold(ctx, claim)
	outcome, err := x.process(held, &claim, vectors)
	release()
	if err != nil {
		outcome = x.settle(ctx, claim, err)
	}
	if outcome == outcomeWords { // another worker goes on with it
		return
	}
	x.seen.observe(outcome, time.Since(started))
	x.o.Logger.LogAttrs(ctx, slog.LevelDebug, "indexer: conversation settled",
		slog.String("conversation", claim.Conversation), slog.Int("attempt", claim.Attempt),
		slog.String("outcome", outcome), slog.Duration("took", time.Since(started)))
}

// process does the work of a claim. The claim is kept as it is at the end, also when
// there is an error. A panic is an error like any other.
func (x *Indexer) process(ctx context.Context, claim *store.Claim, vectors bool) (outcome string, err error) {
	defer recovered(&err)
	if err := x.exhausted(*claim); err != nil {
		return "", err
	}
	if claim.Behind {
		return x.renew(ctx, *claim)
	}
	if err := x.words(ctx, claim); err != nil {
		return "", err
	}
	if !vectors {
		return outcomeWords, x.o.Store.InTx(ctx, func(tx *store.Tx) error { return tx.Postpone(*claim, x.waitsFor()) })
	}
	return outcomeReady, x.vectors(ctx, *claim)
}

// waitsFor is what a client may read of a conversation that words find already.
func (x *Indexer) waitsFor() string {
	if outage := x.outage.State(); outage.Lost {
		return meanwhile(outage.Cause)
	}
	return ""
}

func meanwhile(cause error) string { return reason(cause) + " (keyword search finds it meanwhile)" }

// recovered turns a panic of the function that defers it into an error. The panic's
// value stays out of it: it may quote a text.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fault.New(fault.Internal, "a panic with a value of type %T\n%s", p, debug.Stack())
	}
}

// exhausted refuses a conversation that was claimed more often than it may fail.
// A try that fails is settled, so these ended with the program: the next one would
// take it down again.
func (x *Indexer) exhausted(claim store.Claim) error {
	if claim.Attempt <= x.o.MaxAttempts {
		return nil
	}
	return errRefused{reason: fmt.Sprintf("the service ended %d times while this was being indexed; "+
		"it is tried again when the conversation changes, a setting of the embedder changes, or somebody asks (lethe reindex --failed)", x.o.MaxAttempts)}
}

// hold extends the lease while the work goes on, and ends the returned context
// when the claim is lost: nobody needs the result then.
func (x *Indexer) hold(ctx context.Context, claim store.Claim) (held context.Context, release func()) {
	held, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(x.o.Lease / 3)
		defer ticker.Stop()
		for {
			select {
			case <-held.Done():
				return
			case <-ticker.C:
			}
			err := x.o.Store.InTx(held, func(tx *store.Tx) error { return tx.Extend(claim, x.o.Lease) })
			if lost(err) {
				cancel()
				return
			}
		}
	}()
	return held, func() { cancel(); <-done }
}

// errRefused is an end for good: no further try can help.
type errRefused struct{ reason string }

func (e errRefused) Error() string { return e.reason }

// settle ends a claim that did not become ready, and says how.
func (x *Indexer) settle(ctx context.Context, claim store.Claim, cause error) string {
	if lost(cause) {
		return outcomeLost
	}
	stopping := ctx.Err() != nil
	// The claim must be settled although the worker's own context may have ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	var outcome string
	err := x.o.Store.InTx(ctx, func(tx *store.Tx) (err error) {
		outcome, err = x.settled(tx, claim, cause, stopping)
		return err
	})
	switch {
	case lost(err):
		return outcomeLost
	case err != nil:
		x.o.Logger.Error("indexer: a claim was not settled; its lease will run out", "conversation", claim.Conversation, "error", err)
	case outcome != outcomeReleased && outcome != outcomePostponed: // what is postponed was told when the embedder was lost
		x.o.Logger.Warn("indexer: a conversation was not indexed", "conversation", claim.Conversation,
			"attempt", claim.Attempt, "outcome", outcome, "reason", logged(cause))
	}
	return outcome
}

func (x *Indexer) settled(tx *store.Tx, claim store.Claim, cause error, stopping bool) (string, error) {
	var refused errRefused
	var away errAway
	hopeless := asRefused(cause, &refused) || claim.Attempt >= x.o.MaxAttempts || fault.Is(cause, fault.Invalid)
	switch {
	case stopping:
		return outcomeReleased, tx.Release(claim)
	case errors.As(cause, &away):
		return outcomePostponed, tx.Postpone(claim, meanwhile(away.cause))
	case claim.Behind && hopeless:
		return outcomeGivenUp, tx.GiveUp(claim)
	case hopeless:
		return outcomeFailed, tx.Fail(claim, reason(cause)+keywordOnly(claim, cause))
	default:
		return outcomeRetried, tx.Retry(claim, x.o.Backoff(claim.Attempt), reason(cause))
	}
}

func keywordOnly(claim store.Claim, cause error) string {
	if !claim.WordsIn || errors.As(cause, new(errRefused)) {
		return ""
	}
	return " (keyword search finds it all the same)"
}

// reason is what a client may read of an error.
func reason(err error) string {
	var refused errRefused
	switch {
	case asRefused(err, &refused):
		return refused.reason
	case fault.Is(err, fault.Internal):
		return "an internal error; the server's log says more"
	}
	return fault.Message(err)
}

// logged is what the log says of an error: of an internal one all there is.
func logged(err error) string {
	if fault.Is(err, fault.Internal) {
		return err.Error()
	}
	return reason(err)
}
