package indexer

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/chunker"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/tokens"
)

// The outcomes of working on a claim, as logs and metrics name them.
const (
	outcomeReady    = "ready"
	outcomeLost     = "lost"
	outcomeRetried  = "retried"
	outcomeFailed   = "failed"
	outcomeReleased = "released"
)

// settleTime is how long giving a claim back may take when the worker has been
// told to stop. If it fails, the lease runs out by itself.
const settleTime = 5 * time.Second

// index works on one claimed conversation and settles the claim, whatever happens.
func (x *Indexer) index(ctx context.Context, claim store.Claim) {
	started := time.Now()
	held, release := x.hold(ctx, claim)
	var result store.Indexed
	err := x.exhausted(claim)
	if err == nil {
		result, err = x.prepare(held, claim)
	}
	if err == nil {
		err = x.o.Store.InTx(held, func(tx *store.Tx) error { return tx.FinishIndexing(claim, result) })
	}
	release()
	outcome := outcomeReady
	if err != nil {
		outcome = x.settle(ctx, claim, result, err)
	}
	x.seen.observe(outcome, time.Since(started))
	x.o.Logger.LogAttrs(ctx, slog.LevelDebug, "indexer: conversation settled",
		slog.String("conversation", claim.Conversation), slog.Int("attempt", claim.Attempt),
		slog.String("outcome", outcome), slog.Duration("took", time.Since(started)))
}

// exhausted refuses a conversation that was claimed more often than it may fail.
// A try that fails is settled, so these ended with the program: the next one would
// take it down again.
func (x *Indexer) exhausted(claim store.Claim) error {
	if claim.Attempt <= x.o.MaxAttempts {
		return nil
	}
	return errRefused{reason: fmt.Sprintf("the service ended %d times while this was being indexed; "+
		"it is tried again when the conversation changes or the service starts", x.o.MaxAttempts)}
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

// prepare does the slow part with no transaction open: read, count, chunk, embed.
// When only the embedding fails, what it returns is still worth storing.
func (x *Indexer) prepare(ctx context.Context, claim store.Claim) (store.Indexed, error) {
	var turns chat.Transcript
	var stored []store.StoredChunk
	err := x.o.Store.Snapshot(ctx, func(v *store.View) (err error) {
		if turns, err = v.ClaimedTranscript(claim); err != nil {
			return err
		}
		stored, err = v.StoredChunks(claim.Workspace, claim.Conversation)
		return err
	})
	if err != nil {
		return store.Indexed{}, err
	}
	result := store.Indexed{Model: x.o.Embedder.Model()}
	for _, m := range turns.Turns {
		result.Tokens += tokens.Count(m.Text)
		if ctx.Err() != nil {
			return store.Indexed{}, ctx.Err()
		}
	}
	if result.Tokens > chat.MaxIndexTokens {
		return result, errRefused{fmt.Sprintf("the conversation has %d tokens; at most %d can be indexed", result.Tokens, chat.MaxIndexTokens)}
	}
	fresh := chunker.Split(turns.Title, turns.Turns)
	keepUnchanged(&result, fresh, stored)
	for _, c := range fresh[result.Keep:] {
		result.Chunks = append(result.Chunks, store.IndexedChunk{
			Position: c.Position, First: c.First, Last: c.Last, Text: c.Text, Terms: rank.Analyze(c.Text),
		})
	}
	return result, x.embed(ctx, &result, stored)
}

// keepUnchanged counts the leading chunks that are stored just so, with a vector
// of the right model or its word that it cannot read them: a re-sent conversation
// that only grew keeps them.
func keepUnchanged(result *store.Indexed, fresh []chunker.Chunk, stored []store.StoredChunk) {
	for i := range min(len(fresh), len(stored)) {
		f, s := fresh[i], stored[i]
		if s.Position != f.Position || s.Text != f.Text || s.First != f.First || s.Last != f.Last || s.Model != result.Model.ID {
			return
		}
		result.Keep++
		result.KeptTerms += s.TermCount
		if s.Vector != nil {
			result.KeptVectors++
		}
	}
}

// embed fills in the vectors, and asks the embedder only for texts that it has
// not embedded for this conversation before.
func (x *Indexer) embed(ctx context.Context, result *store.Indexed, stored []store.StoredChunk) error {
	known := make(map[string][]float32, len(stored))
	for _, s := range stored {
		if s.Model == result.Model.ID {
			known[s.Text] = s.Vector
		}
	}
	var texts []string
	var at []int
	for i, c := range result.Chunks {
		if vector, ok := known[c.Text]; ok {
			result.Chunks[i].Vector, result.Chunks[i].Unreadable = vector, vector == nil
			continue
		}
		texts, at = append(texts, c.Text), append(at, i)
	}
	if len(texts) == 0 {
		return nil
	}
	vectors, err := x.o.Embedder.Embed(ctx, texts)
	if err != nil {
		return err
	}
	for i, vector := range vectors {
		result.Chunks[at[i]].Vector, result.Chunks[at[i]].Unreadable = vector, vector == nil
	}
	return nil
}

// settle ends a claim that did not become ready, and says how.
func (x *Indexer) settle(ctx context.Context, claim store.Claim, result store.Indexed, cause error) string {
	if lost(cause) {
		return outcomeLost
	}
	stopping := ctx.Err() != nil
	// The claim must be settled although the worker's own context may have ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	outcome := outcomeRetried
	err := x.o.Store.InTx(ctx, func(tx *store.Tx) error {
		var refused errRefused
		switch {
		case stopping:
			outcome = outcomeReleased
			return tx.Release(claim)
		case asRefused(cause, &refused):
			outcome = outcomeFailed
			return tx.FailIndexing(claim, result, refused.reason)
		case claim.Attempt >= x.o.MaxAttempts || fault.Is(cause, fault.Invalid):
			outcome = outcomeFailed
			return tx.FailIndexing(claim, result, reason(cause)+keywordOnly(result))
		default:
			return tx.Retry(claim, x.o.Backoff(claim.Attempt), reason(cause))
		}
	})
	switch {
	case lost(err):
		return outcomeLost
	case err != nil:
		x.o.Logger.Error("indexer: a claim was not settled; its lease will run out", "conversation", claim.Conversation, "error", err)
	case outcome != outcomeReleased:
		x.o.Logger.Warn("indexer: a conversation was not indexed", "conversation", claim.Conversation,
			"attempt", claim.Attempt, "outcome", outcome, "reason", reason(cause))
	}
	return outcome
}

func keywordOnly(x store.Indexed) string {
	if len(x.Chunks)+x.Keep == 0 {
		return ""
	}
	return " (keyword search finds it all the same)"
}

// reason is what a client may read of an error.
func reason(err error) string {
	if fault.Is(err, fault.Internal) {
		return "an internal error; the server's log says more"
	}
	return fault.Message(err)
}
