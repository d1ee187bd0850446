package history

import (
	"context"
	"log/slog"
	"time"

	"github.com/lethe-chat/lethe/internal/breaker"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/modelhttp"
)

// DefaultQueryPatience is how long a search waits for the vector of its query before it answers
// by words.
const DefaultQueryPatience = time.Second

// trialText is the text of a trial after an embedder did not answer a query in time.
const trialText = "Where did we park?"

// meaning is the leg of a search that needs a model. After one query has waited in vain, the
// leg is lost, and no query waits until a trial in the background is answered as fast as a
// query needs it. The indexer does not use it, because it can wait longer.
type meaning struct {
	embedder embed.Embedder
	patience time.Duration
	breaker  *breaker.Breaker
	log      *slog.Logger
	metrics  *metrics
}

// newMeaning returns the leg. The options set the pace of trials.
func newMeaning(e embed.Embedder, patience time.Duration, o breaker.Options, log *slog.Logger, m *metrics) *meaning {
	x := &meaning{embedder: e, patience: patience, log: log, metrics: m}
	o.Changed = x.changed
	o.Try = func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, breaker.DefaultPatience)
		defer cancel()
		started := time.Now()
		_, err := embed.Call(ctx, e, []string{trialText})
		if took := time.Since(started); err == nil && took > patience {
			return slow(patience) // it answers, but no query would have waited for it
		}
		return err
	}
	x.breaker = breaker.New(o)
	return x
}

func slow(patience time.Duration) error {
	return fault.New(fault.Unavailable, "the embedder did not answer a query within %s", patience)
}

// vector returns the vector of a query, or nil when the model cannot read the text or does not
// answer in time. The only error is Canceled, when the caller's context ended.
func (x *meaning) vector(ctx context.Context, text string) ([]float32, error) {
	if x.breaker.Lost() {
		return nil, nil //nolint:nilnil // no vector is an answer
	}
	vector, err := x.ask(ctx, text)
	switch {
	case ctx.Err() != nil:
		return nil, fault.Wrap(fault.Canceled, ctx.Err(), "the request was canceled or took too long")
	case err == nil:
		return vector, nil
	case modelhttp.TooLarge(err), modelhttp.Refused(err), embed.Panicked(err): // the fault of this text
		x.log.Warn("search: one query has no vector and is answered by words", "reason", reason(err))
	default:
		x.breaker.Trip(err)
	}
	return nil, nil //nolint:nilnil // degraded, and the answer says so: never a failed search
}

// ask waits for the embedder for the patience at most, even if the embedder ignores its
// context.
func (x *meaning) ask(ctx context.Context, text string) ([]float32, error) {
	ctx, cancel := context.WithTimeout(ctx, x.patience)
	defer cancel()
	type answer struct {
		vectors [][]float32
		err     error
	}
	answered := make(chan answer, 1)
	go func() {
		vectors, err := embed.Call(ctx, x.embedder, []string{text})
		answered <- answer{vectors, err}
	}()
	select {
	case a := <-answered:
		if a.err != nil && ctx.Err() != nil {
			return nil, slow(x.patience)
		}
		if a.err != nil {
			return nil, a.err
		}
		return a.vectors[0], nil
	case <-ctx.Done():
		return nil, slow(x.patience)
	}
}

// changed logs that the leg was lost or works again.
func (x *meaning) changed(cause error, lost time.Duration) {
	if cause != nil {
		x.metrics.meaningLost.Set(1)
		x.metrics.meaningLosses.Inc()
		x.log.Warn("search: the search by meaning is lost, because the embedder does not answer queries; searches answer by words", "reason", reason(cause))
		return
	}
	x.metrics.meaningLost.Set(0)
	x.log.Info("search: the search by meaning is back", "lost_for", lost.Round(time.Millisecond))
}

// reason returns the text of an error for the log. An internal error has no message for
// callers, so its full text is logged.
func reason(err error) string {
	if fault.Is(err, fault.Internal) {
		return err.Error()
	}
	return fault.Message(err)
}

// state returns the loss of the leg for the statistics; nil while the leg works.
func (x *meaning) state() *chat.LostLeg {
	s := x.breaker.State()
	if !s.Lost {
		return nil
	}
	return &chat.LostLeg{Since: chat.Clock(s.Since), Reason: fault.Message(s.Cause)}
}
