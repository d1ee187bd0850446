package indexer

import (
	"context"
	"time"

	"github.com/lethe-chat/lethe/internal/breaker"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/chunker"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/modelhttp"
	"github.com/lethe-chat/lethe/internal/store"
)

// vectorStep is how many passages are embedded between two transactions.
const vectorStep = 256

// vectors embeds the passages of a claimed conversation that have no vector yet, and
// makes it ready.
func (x *Indexer) vectors(ctx context.Context, claim store.Claim) error {
	c, err := x.o.Store.View(ctx).Claimed(claim)
	if err != nil {
		return err
	}
	for from := 0; ; {
		waiting, err := x.o.Store.View(ctx).Unembedded(claim.Workspace, claim.Conversation, x.o.Embedder.Model(), from, vectorStep)
		if err != nil {
			return err
		}
		passages, err := x.o.Store.View(ctx).StoredPassages(claim.Workspace, claim.Conversation, c.Title, waiting)
		if err != nil {
			return err
		}
		said, err := x.say(ctx, waiting, passages)
		if err != nil {
			return err
		}
		last := len(waiting) < vectorStep
		over := leftOut(c.Tokens, x.o.MaxTokens)
		model := x.o.Embedder.Model() // its dimensions may be known only now
		err = x.o.Store.InTx(ctx, func(tx *store.Tx) error {
			if err := tx.StoreVectors(claim, model, said); err != nil || !last || over != nil {
				return err
			}
			return tx.FinishVectors(claim)
		})
		if err != nil || last {
			return firstOf(err, over)
		}
		from = waiting[len(waiting)-1].Position + 1
	}
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// say returns what the model says of chunks, which are these passages.
func (x *Indexer) say(ctx context.Context, chunks []store.StoredChunk, passages []chat.Passage) ([]store.PassageVector, error) {
	texts := make([]string, len(chunks))
	for i, p := range passages {
		texts[i] = chunker.Said(p)
	}
	vectors, err := x.ask(ctx, texts)
	if err != nil {
		return nil, err
	}
	said := make([]store.PassageVector, len(chunks))
	for i, c := range chunks {
		said[i] = store.PassageVector{Position: c.Position, Vector: vectors[i]}
	}
	return said, nil
}

// errAway is the error of an embedder that answers nobody. It says nothing of the
// conversation at hand.
type errAway struct{ cause error }

func (e errAway) Error() string { return "the embedder does not answer: " + e.cause.Error() }
func (e errAway) Unwrap() error { return e.cause }

// trialText is what an embedder is asked to see whether it answers at all, and
// trialTime how long it may take over that.
const (
	trialText = "Where did we park?"
	trialTime = 30 * time.Second
)

// ask asks the embedder, patiently. When it fails it is asked something harmless: if
// that fails too, or it only wanted fewer requests, the error is an errAway, and
// nothing more is asked until a trial in the background is answered.
func (x *Indexer) ask(ctx context.Context, texts []string) ([][]float32, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	vectors, err := embed.Call(ctx, x.o.Embedder, texts)
	if err == nil || ctx.Err() != nil {
		return vectors, err
	}
	cause := err
	if !modelhttp.Busy(err) {
		if failed := x.try(ctx); failed == nil || ctx.Err() != nil {
			return nil, err
		}
	}
	x.outage.Trip(cause)
	return nil, errAway{cause}
}

// try asks the embedder something harmless.
func (x *Indexer) try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, trialTime)
	defer cancel()
	_, err := embed.Call(ctx, x.o.Embedder, []string{trialText})
	return err
}

// newOutage watches the embedder for the workers. The options say how trials are
// paced.
func (x *Indexer) newOutage(o breaker.Options) *breaker.Breaker {
	o.Try = x.try
	if o.Patience == 0 {
		o.Patience = trialTime
	}
	o.Changed = func(cause error, lost time.Duration) {
		x.seen.embedderLost(cause != nil)
		if cause != nil {
			x.o.Logger.Warn("indexer: the embedder does not answer; conversations are indexed by their words, and their vectors wait for it",
				"reason", logged(cause))
			return
		}
		x.o.Logger.Info("indexer: the embedder answers again", "lost_for", lost.Round(time.Millisecond))
		x.Wake()
	}
	return breaker.New(o)
}
