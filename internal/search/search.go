// Package search finds passages of a workspace: by words (the keyword leg), by meaning (the semantic leg), and in the
// order of a reranker, if one is configured. If a model does not answer, it continues without the model, and the
// answer says so. It knows no keys, scopes, HTTP or SQL.
package search

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lethe-chat/lethe/internal/breaker"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/parallel"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/rerank"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/text"
)

// Searcher searches all workspaces of one store. It is safe for concurrent use.
type Searcher struct {
	store    *store.Store
	queries  *queryEmbedder
	reranker rerank.Reranker
	log      *slog.Logger
	metrics  *metrics
	zone     *time.Location
}

// Options are the parts that a Searcher works with.
type Options struct {
	Store    *store.Store
	Embedder embed.Embedder
	Reranker rerank.Reranker      // nil for none
	Logger   *slog.Logger         // nil discards
	Metrics  *prometheus.Registry // nothing is counted when nil

	Zone          *time.Location  // where those who search live, for the days that queries name; UTC when nil
	QueryPatience time.Duration   // how long a search waits for the vector of its query; DefaultQueryPatience when 0
	Trials        breaker.Options // how an embedder that did not answer a query is tried again; for tests
}

// New returns a Searcher on a store.
func New(o Options) *Searcher {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	m := newMetrics(o.Metrics)
	return &Searcher{
		store: o.Store, reranker: o.Reranker, log: o.Logger, metrics: m, zone: cmp.Or(o.Zone, time.UTC),
		queries: newQueryEmbedder(o.Embedder, cmp.Or(o.QueryPatience, DefaultQueryPatience), o.Trials, o.Logger, m),
	}
}

// Close ends the background trials of an embedder that does not answer queries. The store
// stays open.
func (s *Searcher) Close() { s.queries.breaker.Close() }

// LostLeg returns why the semantic leg is unavailable; nil while it works.
func (s *Searcher) LostLeg() *chat.LostLeg { return s.queries.lostLeg() }

// Search returns the passages that match a query best, with highlights. Invalid when the query breaks a rule of
// Query; Canceled when ctx ends. It is not an error when a model does not answer: Result says which ones did.
func (s *Searcher) Search(ctx context.Context, ws chat.WorkspaceID, q Query) (Result, error) {
	result, err := s.Find(ctx, ws, q)
	if err != nil {
		return Result{}, err
	}
	terms := text.Terms(q.Text)
	if len(terms) == 0 {
		return result, nil
	}
	for i := range result.Hits {
		result.Hits[i].Highlights = text.Spans(result.Hits[i].Text, terms)
	}
	return result, nil
}

// Find is Search without highlights, which take as long as reading the passages.
func (s *Searcher) Find(ctx context.Context, ws chat.WorkspaceID, q Query) (Result, error) {
	if err := q.normalize(); err != nil {
		return Result{}, err
	}
	terms := text.Terms(q.Text)
	if s.reranker != nil && !q.SkipRerank {
		return s.findReranked(ctx, ws, q, terms)
	}
	found, err := s.runLegs(ctx, ws, q, terms, q.Limit)
	if err != nil {
		return Result{}, err
	}
	hits, err := s.readHits(ctx, ws, q, found, terms)
	return Result{Hits: hits, Mode: found.mode}, err
}

// runLegs runs the legs at the same time and fuses their rankings. The keyword leg runs for
// every mode, because its words tell how relevant a passage is. Each leg has its own snapshot,
// so the result may contain keys of passages that were deleted in between. They are left out
// when the passages are read.
func (s *Searcher) runLegs(ctx context.Context, ws chat.WorkspaceID, q Query, terms []string, limit int) (f found, err error) {
	var keyword store.Found
	var semantic []rank.Scored
	words := wordsOf(q.Text, terms, s.today(q))
	runKeyword := func() error {
		return s.store.Snapshot(ctx, func(v *store.View) (err error) {
			keyword, err = v.SearchKeyword(ws, words, q.Filter)
			return err
		})
	}
	runSemantic := func() error {
		var vector []float32
		var err error
		if vector, f.mode, err = s.queryVector(ctx, q); err != nil || f.mode == Keyword {
			return err
		}
		f.scale, f.hasScale = s.queries.backgroundOf(ctx, vector)
		return s.store.Snapshot(ctx, func(v *store.View) (err error) {
			semantic, err = v.SearchSemantic(ws, s.queries.embedder.Model(), vector, q.Filter)
			return err
		})
	}
	err = parallel.Do(2, 2, func(leg int) error { return []func() error{runKeyword, runSemantic}[leg]() })
	if err != nil {
		return found{}, err
	}
	f.judge(words, keyword, semantic)
	if f.mode == Semantic {
		keyword.Passages = nil
	}
	f.ranked = rank.Fuse(keyword.Passages, semantic, rank.KeywordWeight(keyword.Coverage), limit)
	return f, nil
}

// queryVector embeds the query if its mode needs a vector. The mode that it returns is
// Keyword when there is none.
func (s *Searcher) queryVector(ctx context.Context, q Query) ([]float32, Mode, error) {
	if q.Mode == Keyword {
		return nil, Keyword, nil
	}
	vector, err := s.queries.vector(ctx, q.Text)
	if err != nil {
		return nil, "", err
	}
	if vector == nil {
		return nil, Keyword, nil
	}
	return vector, q.Mode, nil
}

// today returns the day on which a query is asked, where it is asked.
func (s *Searcher) today(q Query) time.Time { return time.Now().In(cmp.Or(q.Zone, s.zone)) }
