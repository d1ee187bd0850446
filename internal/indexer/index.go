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

// The outcomes of a claim, as logs and metrics name them.
const (
	outcomeReady     = "ready"
	outcomeLost      = "lost"
	outcomeRetried   = "retried"
	outcomeFailed    = "failed"
	outcomeReleased  = "released"
	outcomeRenewed   = "renewed"   // it was ready and is re-indexed with the current recipe
	outcomeGivenUp   = "given_up"  // it could not be re-indexed and keeps its old index
	outcomeWords     = "words"     // found by words; its vectors wait for a free worker
	outcomePostponed = "postponed" // found by words; its vectors wait for the embedder
	outcomeRequeued  = "requeued"  // too large to be replaced at once; will be indexed in steps
)

// settleTime limits how long releasing a claim may take after the worker was told to stop.
// If that fails, the lease expires.
const settleTime = 5 * time.Second

// index works on one claimed conversation and always settles the claim. If vectors is
// false it indexes only the words.
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
		slog.String("conversation", string(claim.Conversation)), slog.Int("attempt", claim.Attempt),
		slog.String("outcome", outcome), slog.Duration("took", time.Since(started)))
}

// process does the work of a claim. It updates claim to its latest state, also when it
// returns an error. A panic is returned as an error.
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

// waitsFor returns the text for clients about a conversation that is found only by words
// so far.
func (x *Indexer) waitsFor() string {
	if outage := x.outage.State(); outage.Lost {
		return meanwhile(outage.Cause)
	}
	return ""
}

func meanwhile(cause error) string { return reason(cause) + " (keyword search can find it already)" }

// recovered turns a panic of the deferring function into an error. The error leaves out the
// panic's value, because it may quote a text.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fault.New(fault.Internal, "a panic with a value of type %T\n%s", p, debug.Stack())
	}
}

// exhausted refuses a conversation with more attempts than allowed. A failed attempt
// settles its claim, so the surplus attempts ended together with the program. Another
// attempt could crash it again.
func (x *Indexer) exhausted(claim store.Claim) error {
	if claim.Attempt <= x.o.MaxAttempts {
		return nil
	}
	return errRefused{reason: fmt.Sprintf("the service ended %d times while it indexed this conversation; "+
		"it is retried when the conversation or a setting of the embedder changes, or on request (lethe reindex --failed)", x.o.MaxAttempts)}
}

// hold extends the lease during the work. It cancels the returned context when the claim is
// lost, because the result is not needed then.
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
			if err := x.extend(held, claim); lost(err) {
				cancel()
				return
			}
		}
	}()
	return held, func() { cancel(); <-done }
}

// extend extends the lease of a claim. Failures other than a lost claim are not logged:
// the next extension may succeed, and otherwise the lease ends.
func (x *Indexer) extend(ctx context.Context, claim store.Claim) (err error) {
	defer recovered(&err)
	return x.o.Store.InTx(ctx, func(tx *store.Tx) error { return tx.Extend(claim, x.o.Lease) })
}

// errRefused is a permanent failure: retrying cannot help.
type errRefused struct{ reason string }

func (e errRefused) Error() string { return e.reason }

// settle ends a claim that did not become ready and returns the outcome.
func (x *Indexer) settle(ctx context.Context, claim store.Claim, cause error) string {
	if lost(cause) {
		return outcomeLost
	}
	stopping := ctx.Err() != nil || errors.Is(cause, errCutOff)
	// The claim must be settled although the worker's own context may have ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	var outcome string
	err := func() (err error) {
		defer recovered(&err)
		return x.o.Store.InTx(ctx, func(tx *store.Tx) (err error) {
			outcome, err = x.settled(tx, claim, cause, stopping)
			return err
		})
	}()
	switch {
	case lost(err):
		return outcomeLost
	case err != nil:
		x.o.Logger.Error("indexer: a claim was not settled; its lease will run out", "conversation", claim.Conversation, "error", err)
	case outcome != outcomeReleased && outcome != outcomePostponed: // a loss of the embedder was logged once, when it began
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
	return " (keyword search can find it)"
}

// reason is the text about an error that clients may read.
func reason(err error) string {
	var refused errRefused
	switch {
	case asRefused(err, &refused):
		return refused.reason
	case fault.Is(err, fault.Internal):
		return "an internal error; the server's log has the details"
	}
	return fault.Message(err)
}

// logged is the text about an error for the log. It includes all causes.
func logged(err error) string {
	var refused errRefused
	if asRefused(err, &refused) {
		return refused.reason
	}
	return err.Error()
}
