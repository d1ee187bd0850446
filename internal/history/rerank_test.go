package history_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
)

// judge is a reranker of a test.
type judge func(ctx context.Context, query string, documents []string) ([]float64, error)

func (j judge) Rerank(ctx context.Context, query string, documents []string) ([]float64, error) {
	return j(ctx, query, documents)
}

// backwards is the opposite of the order in which it is asked.
func backwards(_ context.Context, _ string, documents []string) ([]float64, error) {
	scores := make([]float64, len(documents))
	for i := range scores {
		scores[i] = float64(i) - 20 // as logits are
	}
	return scores, nil
}

// counted is what a registry has counted under one name, by outcome.
func counted(t *testing.T, registry *prometheus.Registry, name string) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	outcomes := map[string]float64{}
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				outcomes[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	return outcomes
}

// caravans fills a workspace with passages that say the same more and less often.
func (d *desk) caravans(n int) {
	d.t.Helper()
	for i := range n {
		d.ingest(say(fmt.Sprint(i), "caravan "+words(fmt.Sprint("x", i), 3+i)))
	}
	d.index()
}

func idsOf(hits []history.Hit) (ids []string) {
	for _, hit := range hits {
		ids = append(ids, hit.ConversationID)
	}
	return ids
}

func TestRerankOrdersTheBest(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		const n = history.RerankDepth + 20
		d.caravans(n)
		first := d.search(history.SearchQuery{Text: "caravan", Limit: 100})
		require.False(t, first.Reranked)
		require.Len(t, first.Hits, n)
		var asked []string
		reranking := d.with(func(o *history.Options) {
			o.Reranker = judge(func(ctx context.Context, query string, documents []string) ([]float64, error) {
				require.Equal(t, "caravan", query)
				asked = documents
				return backwards(ctx, query, documents)
			})
		})
		found := reranking.search(history.SearchQuery{Text: "caravan", Limit: 100})
		require.True(t, found.Reranked)
		require.Len(t, asked, history.RerankDepth, "bounded")
		for i, text := range asked {
			require.Equal(t, first.Hits[i].Text, text, "the best, best first, as they are shown")
		}
		want := idsOf(first.Hits)
		slices.Reverse(want[:history.RerankDepth])
		require.Equal(t, want, idsOf(found.Hits), "the rest follows in its first order")
		require.InDelta(t, 1, found.Hits[0].Score, 1e-9)
		for i, hit := range found.Hits {
			require.True(t, hit.Score >= 0 && hit.Score <= 1, "%v", hit.Score)
			require.True(t, i == 0 || hit.Score <= found.Hits[i-1].Score, "scores fall")
		}
		require.Equal(t, found, reranking.search(history.SearchQuery{Text: "caravan", Limit: 100}), "and again the same")

		few := reranking.search(history.SearchQuery{Text: "caravan", Limit: 3})
		require.Equal(t, want[:3], idsOf(few.Hits), "more are read than answered")
		asked = nil
		skipped := reranking.search(history.SearchQuery{Text: "caravan", Limit: 100, SkipRerank: true})
		require.Equal(t, first, skipped)
		require.Nil(t, asked)
	})
}

func TestRerankTiesGoByKey(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.caravans(20)
		found := d.with(func(o *history.Options) {
			o.Reranker = judge(func(_ context.Context, _ string, documents []string) ([]float64, error) {
				return make([]float64, len(documents)), nil
			})
		}).search(history.SearchQuery{Text: "caravan", Limit: 100})
		require.True(t, found.Reranked)
		require.True(t, slices.IsSorted(idsOf(found.Hits)))
		for _, hit := range found.Hits {
			require.InDelta(t, 1, hit.Score, 0)
		}
	})
}

// Whatever a reranker does, the search answers, in its own order, and the log
// says why without a word of the text.
func TestASearchOutlivesItsReranker(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.caravans(5)
		want := d.search(history.SearchQuery{Text: "caravan"})
		for name, c := range map[string]struct {
			scores  []float64
			err     error
			outcome string
		}{
			"is down":           {nil, fault.New(fault.Unavailable, "the rerank server x cannot be reached"), "unavailable"},
			"is set up wrongly": {nil, fault.Invalidf("the rerank server x refuses the key"), "invalid"},
			"has a bug":         {nil, errors.New("caravan"), "internal"},
			"scores too few":    {[]float64{1}, nil, "invalid"},
			"scores too many":   {make([]float64, 9), nil, "invalid"},
			"scores nothing":    {nil, nil, "invalid"},
			"is not a number":   {[]float64{1, 2, 3, 4, math.NaN()}, nil, "invalid"},
			"is beyond numbers": {[]float64{1, 2, 3, 4, math.Inf(1)}, nil, "invalid"},
		} {
			t.Run(name, func(t *testing.T) {
				var logged bytes.Buffer
				registry := prometheus.NewRegistry()
				found := d.with(func(o *history.Options) {
					o.Logger, o.Metrics = slog.New(slog.NewTextHandler(&logged, nil)), registry
					o.Reranker = judge(func(context.Context, string, []string) ([]float64, error) { return c.scores, c.err })
				}).search(history.SearchQuery{Text: "caravan"})
				require.Equal(t, want, found)
				require.Equal(t, map[string]float64{c.outcome: 1}, counted(t, registry, "lethe_reranks_total"))
				require.Contains(t, logged.String(), "not reranked")
				require.NotContains(t, logged.String(), "caravan")
			})
		}
		t.Run("huge scores are numbers too", func(t *testing.T) {
			found := d.with(func(o *history.Options) {
				o.Reranker = judge(func(context.Context, string, []string) ([]float64, error) {
					return []float64{-math.MaxFloat64, 0, math.MaxFloat64, 1, 2}, nil
				})
			}).search(history.SearchQuery{Text: "caravan"})
			require.True(t, found.Reranked)
			require.Equal(t, want.Hits[2].ConversationID, found.Hits[0].ConversationID)
			require.InDelta(t, 0.5, found.Hits[2].Score, 1e-9)
		})
		t.Run("the caller leaves", func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			leaving := d.with(func(o *history.Options) {
				o.Reranker = judge(func(ctx context.Context, _ string, _ []string) ([]float64, error) {
					cancel()
					return nil, ctx.Err()
				})
			})
			_, err := leaving.history.AsOperator(d.ws).Search(ctx, history.SearchQuery{Text: "caravan"})
			require.True(t, fault.Is(err, fault.Canceled), "%v", err)
		})
	})
}

func TestNothingToRerank(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.caravans(1)
		reranking := d.with(func(o *history.Options) {
			o.Reranker = judge(func(context.Context, string, []string) ([]float64, error) {
				require.Fail(t, "asked")
				return nil, nil
			})
		})
		require.False(t, reranking.search(history.SearchQuery{Text: "caravan"}).Reranked)
		none := reranking.search(history.SearchQuery{Text: "zzz", Mode: history.Keyword})
		require.False(t, none.Reranked)
		require.NotNil(t, none.Hits)
		require.Empty(t, none.Hits)
	})
}

// What is deleted while the reranker reads it is not in the answer.
func TestDeletedWhileReranking(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.caravans(4)
		all := idsOf(d.search(history.SearchQuery{Text: "caravan"}).Hits)
		gone := all[3] // which would be the first
		found := d.with(func(o *history.Options) {
			o.Reranker = judge(func(ctx context.Context, query string, documents []string) ([]float64, error) {
				require.True(t, slices.ContainsFunc(documents, func(text string) bool { return strings.Contains(text, "x") }))
				_, err := d.history.AsOperator(d.ws).DeleteConversations(ctx, []string{gone}, chat.DeleteOptions{})
				require.NoError(t, err, "the search holds nothing that a delete waits for")
				return backwards(ctx, query, documents)
			})
		}).search(history.SearchQuery{Text: "caravan", ContextChunks: 4})
		require.True(t, found.Reranked)
		require.Equal(t, []string{all[2], all[1], all[0]}, idsOf(found.Hits))
	})
}
