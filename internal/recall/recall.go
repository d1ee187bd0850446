// Package recall writes a digest of what a workspace's history says about a query: the best
// passages that search finds, quoted within a token budget, or written up by a language model
// that cites them. It knows no keys, scopes, HTTP or SQL.
package recall

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/llm"
	"github.com/lethe-chat/lethe/internal/parallel"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/search"
	"github.com/lethe-chat/lethe/internal/text"
)

const (
	hitsPerQuery    = 40 // how many passages a digest is chosen from
	parallelQueries = 4  // how many queries are searched, or written up, at the same time
)

// Recaller answers recalls in all workspaces that its Searcher searches. It is safe for
// concurrent use.
type Recaller struct {
	search  *search.Searcher
	writer  llm.Writer
	zone    *time.Location
	log     *slog.Logger
	digests *prometheus.CounterVec
}

// Options are the parts that a Recaller works with.
type Options struct {
	Search  *search.Searcher
	Writer  llm.Writer           // nil: digests are quoted
	Zone    *time.Location       // of the days in digests, unless the query has one; UTC when nil
	Logger  *slog.Logger         // nil discards
	Metrics *prometheus.Registry // nothing is counted when nil
}

// New returns a Recaller.
func New(o Options) *Recaller {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	digests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "lethe_written_digests_total", Help: "Digests that a language model was to write, by outcome: written, or why passages were quoted instead.",
	}, []string{"outcome"})
	if o.Metrics != nil {
		o.Metrics.MustRegister(digests)
	}
	return &Recaller{search: o.Search, writer: o.Writer, zone: o.Zone, log: o.Logger, digests: digests}
}

// Recall answers a query. Invalid when the query breaks a rule of Query; Canceled when ctx
// ends. If the language model fails, the passages are quoted, which is no error. The answer
// contains nothing that was deleted or changed while it was written.
func (r *Recaller) Recall(ctx context.Context, ws chat.WorkspaceID, q Query) (Answer, error) {
	if err := q.normalize(); err != nil {
		return Answer{}, err
	}
	queries := q.searched()
	drafts, err := r.quoteAll(ctx, ws, q, queries)
	if err != nil {
		return Answer{}, err
	}
	if err := r.writeAll(ctx, q, drafts); err != nil {
		return Answer{}, err
	}
	if err := r.dropChanged(ctx, ws, q, drafts); err != nil {
		return Answer{}, err
	}
	if len(q.Queries) == 0 {
		return Answer{Digest: drafts[0].digest()}, nil
	}
	return combined(q.Queries, drafts), nil
}

// draft is the digest of one query before it is answered.
type draft struct {
	query    SubQuery
	reader   reader
	platform string
	hits     []search.Hit // what it may use, best first
	cited
	model string // that wrote it
}

// cited is a text and its sources.
type cited struct {
	content string
	sources []Source     // in the order of their numbers in content
	used    []search.Hit // every passage that the writer has read
}

// quote builds the digest from quotes.
func (d *draft) quote() {
	d.cited, d.model = extract(d.hits, d.query.MaxTokens, d.reader), ExtractiveModel
}

// quoteAll searches for each query and quotes the passages that were found.
func (r *Recaller) quoteAll(ctx context.Context, ws chat.WorkspaceID, q Query, queries []SubQuery) ([]*draft, error) {
	drafts := make([]*draft, len(queries))
	err := parallel.Do(len(queries), parallelQueries, func(i int) error {
		drafts[i] = &draft{
			query: queries[i], platform: q.Platform,
			reader: reader{platform: q.Platform, zone: cmp.Or(q.Zone, r.zone), terms: text.Terms(queries[i].Text)},
		}
		return r.findAndQuote(ctx, ws, q, drafts[i])
	})
	return drafts, err
}

// findAndQuote searches for the query of a draft and quotes what was found.
func (r *Recaller) findAndQuote(ctx context.Context, ws chat.WorkspaceID, q Query, d *draft) error {
	found, err := r.search.Find(ctx, ws, search.Query{Text: q.enrich(d.query.Text), Filter: q.Filter, Limit: hitsPerQuery, MinScore: q.MinScore, Zone: q.Zone})
	d.hits = found.Hits
	d.quote()
	return err
}

// dropChanged makes the drafts again that use a passage which was deleted or changed meanwhile,
// because writing takes seconds. The text of a model is discarded if any passage was deleted or
// changed that the model has read, cited or not, because nobody can tell what it took from
// where. The last look, which finds no change, is at one moment for all drafts.
func (r *Recaller) dropChanged(ctx context.Context, ws chat.WorkspaceID, q Query, drafts []*draft) error {
	for {
		var used []search.Hit
		for _, d := range drafts {
			used = append(used, d.used...)
		}
		changed, err := r.search.Changed(ctx, ws, used)
		if err != nil {
			return err
		}
		if len(changed) == 0 {
			break
		}
		for _, d := range drafts {
			if err := r.requote(ctx, ws, q, d, changed); err != nil {
				return err
			}
		}
	}
	for _, d := range drafts {
		if d.model != ExtractiveModel {
			r.digests.WithLabelValues("written").Inc()
		}
	}
	return nil
}

// requote searches again and makes a draft from quotes, if it uses a changed passage. A new
// search leaves no trace of what was deleted: the old scores were measured beside it.
func (r *Recaller) requote(ctx context.Context, ws chat.WorkspaceID, q Query, d *draft, changed map[rank.Key]bool) error {
	if !slices.ContainsFunc(d.used, func(hit search.Hit) bool { return changed[hit.Key] }) {
		return nil
	}
	if d.model != ExtractiveModel {
		r.digests.WithLabelValues("overtaken").Inc()
	}
	return r.findAndQuote(ctx, ws, q, d)
}
