package search

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

// DefaultQueryPatience is how long a search waits for the vector of its query before it is
// answered by words alone.
const DefaultQueryPatience = time.Second

// trialText is embedded to find out whether the embedder answers queries again.
const trialText = "Where did we park?"

// queryEmbedder embeds queries. After the embedder did not answer one query in time, no query
// waits for it until a trial in the background was answered as fast as a query needs it. The
// indexer does not use it, because it can wait longer.
type queryEmbedder struct {
	embedder embed.Embedder
	patience time.Duration
	breaker  *breaker.Breaker
	log      *slog.Logger
	metrics  *metrics
	texts    background
}

// newQueryEmbedder returns a queryEmbedder. The breaker's options say when trials happen.
func newQueryEmbedder(e embed.Embedder, patience time.Duration, o breaker.Options, log *slog.Logger, m *metrics) *queryEmbedder {
	q := &queryEmbedder{embedder: e, patience: patience, log: log, metrics: m}
	o.Changed = q.changed
	o.Try = func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, breaker.DefaultPatience)
		defer cancel()
		started := time.Now()
		_, err := embed.Call(ctx, e, []string{trialText})
		if took := time.Since(started); err == nil && took > patience {
			return errSlow(patience) // it answers, but no query would have waited for it
		}
		return err
	}
	q.breaker = breaker.New(o)
	return q
}

func errSlow(patience time.Duration) error {
	return fault.New(fault.Unavailable, "the embedder did not answer a query within %s", patience)
}

// vector returns the vector of a query, or nil when the model cannot read the text or does not
// answer in time. The only error is Canceled, when the caller's context ended.
func (q *queryEmbedder) vector(ctx context.Context, query string) ([]float32, error) {
	if q.breaker.Lost() {
		return nil, nil //nolint:nilnil // no vector is an answer
	}
	vector, err := q.embed(ctx, query)
	switch {
	case ctx.Err() != nil:
		return nil, canceled(ctx)
	case err == nil:
		return vector, nil
	case modelhttp.TooLarge(err), modelhttp.Refused(err), embed.Panicked(err): // caused by this text
		q.log.Warn("search: one query has no vector and is answered by words", "reason", reason(err))
	default:
		q.breaker.Trip(err)
	}
	return nil, nil //nolint:nilnil // the search continues without a vector, and the answer says so
}

// embed waits for the embedder, but not longer than the patience, even if the embedder ignores
// its context.
func (q *queryEmbedder) embed(ctx context.Context, query string) ([]float32, error) {
	ctx, cancel := context.WithTimeout(ctx, q.patience)
	defer cancel()
	type answer struct {
		vectors [][]float32
		err     error
	}
	answered := make(chan answer, 1)
	go func() {
		vectors, err := embed.Call(ctx, q.embedder, []string{query})
		answered <- answer{vectors, err}
	}()
	select {
	case a := <-answered:
		if a.err != nil && ctx.Err() != nil {
			return nil, errSlow(q.patience)
		}
		if a.err != nil {
			return nil, a.err
		}
		return a.vectors[0], nil
	case <-ctx.Done():
		return nil, errSlow(q.patience)
	}
}

// changed logs that the semantic leg was lost or works again.
func (q *queryEmbedder) changed(cause error, lost time.Duration) {
	if cause != nil {
		q.metrics.embedderLost.Set(1)
		q.metrics.embedderLosses.Inc()
		q.log.Warn("search: the search by meaning is lost, because the embedder does not answer queries; searches answer by words", "reason", reason(cause))
		return
	}
	q.metrics.embedderLost.Set(0)
	q.log.Info("search: the search by meaning is back", "lost_for", lost.Round(time.Millisecond))
}

// reason returns the text of an error for the log. An internal error has no message for
// callers, so its full text is logged.
func reason(err error) string {
	if fault.Is(err, fault.Internal) {
		return err.Error()
	}
	return fault.Message(err)
}

// lostLeg returns since when and why the semantic leg is unavailable; nil while it works.
func (q *queryEmbedder) lostLeg() *chat.LostLeg {
	s := q.breaker.State()
	if !s.Lost {
		return nil
	}
	return &chat.LostLeg{Since: chat.Clock(s.Since), Reason: fault.Message(s.Cause)}
}
