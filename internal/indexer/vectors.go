package indexer

import (
	"context"
	"errors"
	"time"

	"github.com/lethe-chat/lethe/internal/breaker"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/chunker"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/modelhttp"
	"github.com/lethe-chat/lethe/internal/store"
)

// vectorStep is how many passages are embedded per transaction.
const vectorStep = 256

// vectors embeds the passages of a claimed conversation that have no vector, and makes the
// conversation ready.
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

// say embeds passages.
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

// errAway is the error of an embedder that answers no request. The cause is not the
// conversation.
type errAway struct{ cause error }

func (e errAway) Error() string { return "the embedder does not answer: " + e.cause.Error() }
func (e errAway) Unwrap() error { return e.cause }

// trialText is the text that is sent to check whether an embedder answers at all. trialTime is the time limit of such
// a trial.
const (
	trialText = "Where did we park?"
	trialTime = 30 * time.Second
)

// ask asks the embedder, with retries. If that fails, it sends a harmless text. If that
// fails too, or if the embedder only asked for fewer requests, the error is an errAway, and
// no worker asks again until a trial in the background succeeds. If the service stops
// meanwhile, the error is errCutOff.
func (x *Indexer) ask(ctx context.Context, texts []string) ([][]float32, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	ctx, done := x.untilCutOff(ctx)
	defer done()
	vectors, err := embed.Call(ctx, x.o.Embedder, texts)
	if err == nil {
		return vectors, nil
	}
	cause := err
	if ctx.Err() == nil && !modelhttp.Busy(err) {
		if failed := x.try(ctx); failed == nil {
			return nil, err
		}
	}
	switch {
	case errors.Is(context.Cause(ctx), errCutOff):
		return nil, errCutOff
	case ctx.Err() != nil:
		return nil, err
	}
	x.outage.Trip(cause)
	return nil, errAway{cause}
}

// try asks the embedder for a harmless text.
func (x *Indexer) try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, trialTime)
	defer cancel()
	_, err := embed.Call(ctx, x.o.Embedder, []string{trialText})
	return err
}

// newOutage returns a breaker for the embedder. The options set the pace of trials.
func (x *Indexer) newOutage(o breaker.Options) *breaker.Breaker {
	o.Try = x.try
	if o.Patience == 0 {
		o.Patience = trialTime
	}
	o.Changed = func(cause error, lost time.Duration) {
		x.seen.embedderLost(cause != nil)
		if cause != nil {
			x.o.Logger.Warn("indexer: the embedder does not answer; conversations can be found by words, and their vectors wait for the embedder",
				"reason", logged(cause))
			return
		}
		x.o.Logger.Info("indexer: the embedder answers again", "lost_for", lost.Round(time.Millisecond))
		x.WakeIn(0)
	}
	return breaker.New(o)
}
