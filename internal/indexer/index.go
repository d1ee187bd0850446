package indexer

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/chunker"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/text"
)

// The outcomes of working on a claim, as logs and metrics name them.
const (
	outcomeReady    = "ready"
	outcomeLost     = "lost"
	outcomeRetried  = "retried"
	outcomeFailed   = "failed"
	outcomeReleased = "released"
	outcomeRenewed  = "renewed"  // it was ready, and is now indexed with the current model
	outcomeGivenUp  = "given_up" // it could not be, and stays as it was
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
	switch {
	case err != nil:
		outcome = x.settle(ctx, claim, result, err)
	case claim.Behind:
		outcome = outcomeRenewed
		x.pause.succeeded()
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
	var made store.Recipe
	err := x.o.Store.Snapshot(ctx, func(v *store.View) (err error) {
		if turns, err = v.ClaimedTranscript(claim); err != nil {
			return err
		}
		if stored, err = v.StoredChunks(claim.Workspace, claim.Conversation); err != nil {
			return err
		}
		made, err = v.MadeBy(claim)
		return err
	})
	if err != nil {
		return store.Indexed{}, err
	}
	result := store.Indexed{Model: x.o.Embedder.Model(), Passages: PassagesVersion}
	if claim.Behind && made.Passages == PassagesVersion { // it was cut like this before
		result.Tokens = turns.Tokens
		for _, s := range stored {
			keep(&result, s)
		}
		return result, x.embed(ctx, &result, stored)
	}
	if result.Tokens, err = count(ctx, turns.Turns); err != nil {
		return result, err
	}
	fresh := chunker.Split(turns.Title, turns.Turns)
	if made.Passages == PassagesVersion {
		keepUnchanged(&result, fresh, stored)
	}
	for _, c := range fresh[result.Keep:] {
		result.Chunks = append(result.Chunks, store.IndexedChunk{
			Position: c.Position, First: c.First, Last: c.Last, Text: c.Text, Terms: text.Terms(c.Text),
		})
	}
	return result, x.embed(ctx, &result, stored)
}

// count adds up the tokens of a conversation, and refuses one that has too many.
func count(ctx context.Context, turns []chat.Message) (n int, err error) {
	for _, m := range turns {
		n += text.Tokens(m.Text)
		if ctx.Err() != nil {
			return n, ctx.Err()
		}
	}
	if n > chat.MaxIndexTokens {
		return n, errRefused{fmt.Sprintf("the conversation has %d tokens; at most %d can be indexed", n, chat.MaxIndexTokens)}
	}
	return n, nil
}

// keepUnchanged counts the leading chunks that are stored just so: a re-sent
// conversation that only grew keeps them.
func keepUnchanged(result *store.Indexed, fresh []chunker.Chunk, stored []store.StoredChunk) {
	for i := range min(len(fresh), len(stored)) {
		f, s := fresh[i], stored[i]
		if s.Position != f.Position || s.Text != f.Text || s.First != f.First || s.Last != f.Last {
			return
		}
		keep(result, s)
	}
}

// keep counts the next stored chunk among those that stay. From the first on that has
// no vector of the right model, they get new vectors.
func keep(result *store.Indexed, s store.StoredChunk) {
	result.Keep++
	result.KeptTerms += s.TermCount
	switch {
	case len(result.Vectors) > 0 || !embeddedBy(result.Model, s):
		result.Vectors = append(result.Vectors, store.ChunkVector{})
	case s.Vector != nil:
		result.KeptVectors++
	}
}

// embeddedBy reports whether a chunk has a vector of the model, or its word that it
// cannot read the text.
func embeddedBy(model embed.Model, s store.StoredChunk) bool {
	return s.Model == model.ID && (s.Vector == nil || model.Dimensions == 0 || len(s.Vector) == model.Dimensions)
}

// embed fills in the vectors, and asks the embedder only for texts that it has
// not embedded for this conversation before.
func (x *Indexer) embed(ctx context.Context, result *store.Indexed, stored []store.StoredChunk) error {
	known := make(map[string][]float32, len(stored))
	for _, s := range stored {
		if embeddedBy(result.Model, s) {
			known[s.Text] = s.Vector
		}
	}
	var texts []string
	var put []func(vector []float32)
	want := func(text string, to func(vector []float32)) {
		if vector, ok := known[text]; ok {
			to(vector)
			return
		}
		texts, put = append(texts, chunker.Said(text)), append(put, to)
	}
	for i := range result.Vectors {
		v := &result.Vectors[i]
		want(stored[result.Keep-len(result.Vectors)+i].Text, func(vector []float32) { v.Vector, v.Unreadable = vector, vector == nil })
	}
	for i := range result.Chunks {
		c := &result.Chunks[i]
		want(c.Text, func(vector []float32) { c.Vector, c.Unreadable = vector, vector == nil })
	}
	if len(texts) == 0 {
		return nil
	}
	vectors, err := x.o.Embedder.Embed(ctx, texts)
	if err != nil {
		return err
	}
	for i, vector := range vectors {
		put[i](vector)
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
	if claim.Behind && !stopping {
		x.pause.failed(x.o.Backoff)
	}
	outcome := outcomeRetried
	err := x.o.Store.InTx(ctx, func(tx *store.Tx) error {
		var refused errRefused
		hopeless := asRefused(cause, &refused) || claim.Attempt >= x.o.MaxAttempts || fault.Is(cause, fault.Invalid)
		switch {
		case stopping:
			outcome = outcomeReleased
			return tx.Release(claim)
		case claim.Behind && hopeless:
			outcome = outcomeGivenUp
			return tx.GiveUp(claim)
		case asRefused(cause, &refused):
			outcome = outcomeFailed
			return tx.FailIndexing(claim, result, refused.reason)
		case hopeless:
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
