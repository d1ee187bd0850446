package search_test

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
	"github.com/lethe-chat/lethe/internal/history/historytest"
	"github.com/lethe-chat/lethe/internal/search"
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

// addCaravans fills a workspace with passages in which one word is more or less frequent.
func addCaravans(f *historytest.Fixture, n int) {
	f.T.Helper()
	for i := range n {
		f.Ingest(historytest.Upload(fmt.Sprint(i), "caravan "+historytest.Words(fmt.Sprint("x", i), 3+i)))
	}
	f.Index()
}

func idsOf(hits []search.Hit) (ids []chat.ConversationID) {
	for _, hit := range hits {
		ids = append(ids, hit.ConversationID)
	}
	return ids
}

func TestRerankOrdersTheBest(t *testing.T) {
	historytest.Each(t, func(t *testing.T, f *historytest.Fixture) {
		const n = search.RerankDepth + 20
		addCaravans(f, n)
		first := f.Search(search.Query{Text: "caravan", Limit: 100})
		require.False(t, first.Reranked)
		require.Len(t, first.Hits, n)
		var asked []string
		reranking := f.With(func(o *history.Options) {
			o.Reranker = judge(func(ctx context.Context, query string, documents []string) ([]float64, error) {
				require.Equal(t, "caravan", query)
				asked = documents
				return backwards(ctx, query, documents)
			})
		})
		found := reranking.Search(search.Query{Text: "caravan", Limit: 100})
		require.True(t, found.Reranked)
		require.Len(t, asked, search.RerankDepth, "bounded")
		for i, text := range asked {
			require.Equal(t, first.Hits[i].Block(), text, "whole passages, best first")
		}
		want := idsOf(first.Hits)
		slices.Reverse(want[:search.RerankDepth])
		require.Equal(t, want, idsOf(found.Hits), "the rest follows in its first order")
		for i, hit := range found.Hits {
			require.True(t, hit.Score >= 0 && hit.Score <= 1, "%v", hit.Score)
			require.True(t, i == 0 || hit.Score <= found.Hits[i-1].Score, "scores fall")
		}
		require.Equal(t, found, reranking.Search(search.Query{Text: "caravan", Limit: 100}), "and again the same")

		few := reranking.Search(search.Query{Text: "caravan", Limit: 3})
		require.Equal(t, want[:3], idsOf(few.Hits), "more are read than answered")
		asked = nil
		skipped := reranking.Search(search.Query{Text: "caravan", Limit: 100, SkipRerank: true})
		require.Equal(t, first, skipped)
		require.Nil(t, asked)
	})
}

func TestRerankTiesGoByKey(t *testing.T) {
	historytest.Each(t, func(t *testing.T, f *historytest.Fixture) {
		addCaravans(f, 20)
		found := f.With(func(o *history.Options) {
			o.Reranker = judge(func(_ context.Context, _ string, documents []string) ([]float64, error) {
				return make([]float64, len(documents)), nil
			})
		}).Search(search.Query{Text: "caravan", Limit: 100})
		require.True(t, found.Reranked)
		require.True(t, slices.IsSorted(idsOf(found.Hits)))
	})
}

// Whatever a reranker does, the search answers, in its own order, and the log
// says why without a word of the text.
func TestASearchOutlivesItsReranker(t *testing.T) {
	historytest.Each(t, func(t *testing.T, f *historytest.Fixture) {
		addCaravans(f, 5)
		want := f.Search(search.Query{Text: "caravan"})
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
				found := f.With(func(o *history.Options) {
					o.Logger, o.Metrics = slog.New(slog.NewTextHandler(&logged, nil)), registry
					o.Reranker = judge(func(context.Context, string, []string) ([]float64, error) { return c.scores, c.err })
				}).Search(search.Query{Text: "caravan"})
				require.Equal(t, want, found)
				require.Equal(t, map[string]float64{c.outcome: 1}, historytest.Outcomes(t, registry, "lethe_reranks_total"))
				require.Contains(t, logged.String(), "not reranked")
				require.NotContains(t, logged.String(), "caravan")
			})
		}
		t.Run("huge scores are numbers too", func(t *testing.T) {
			found := f.With(func(o *history.Options) {
				o.Reranker = judge(func(context.Context, string, []string) ([]float64, error) {
					return []float64{-math.MaxFloat64, 0, math.MaxFloat64, 1, 2}, nil
				})
			}).Search(search.Query{Text: "caravan"})
			require.True(t, found.Reranked)
			require.Equal(t, want.Hits[2].ConversationID, found.Hits[0].ConversationID)
		})
		t.Run("the caller leaves", func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			leaving := f.With(func(o *history.Options) {
				o.Reranker = judge(func(ctx context.Context, _ string, _ []string) ([]float64, error) {
					cancel()
					return nil, ctx.Err()
				})
			})
			_, err := leaving.Access().Search(ctx, search.Query{Text: "caravan"})
			require.True(t, fault.Is(err, fault.Canceled), "%v", err)
		})
	})
}

func TestNothingToRerank(t *testing.T) {
	historytest.Each(t, func(t *testing.T, f *historytest.Fixture) {
		addCaravans(f, 1)
		reranking := f.With(func(o *history.Options) {
			o.Reranker = judge(func(context.Context, string, []string) ([]float64, error) {
				require.Fail(t, "asked")
				return nil, nil
			})
		})
		require.False(t, reranking.Search(search.Query{Text: "caravan"}).Reranked)
		none := reranking.Search(search.Query{Text: "zzz", Mode: search.Keyword})
		require.False(t, none.Reranked)
		require.NotNil(t, none.Hits)
		require.Empty(t, none.Hits)
	})
}

// A passage that is deleted while the reranker reads it is not in the answer.
func TestDeletedWhileReranking(t *testing.T) {
	historytest.Each(t, func(t *testing.T, f *historytest.Fixture) {
		addCaravans(f, 4)
		all := idsOf(f.Search(search.Query{Text: "caravan"}).Hits)
		gone := all[3] // which would be the first
		found := f.With(func(o *history.Options) {
			o.Reranker = judge(func(ctx context.Context, query string, documents []string) ([]float64, error) {
				require.True(t, slices.ContainsFunc(documents, func(text string) bool { return strings.Contains(text, "x") }))
				_, err := f.Access().DeleteConversations(ctx, []chat.ConversationID{gone}, chat.DeleteOptions{})
				require.NoError(t, err, "the search holds nothing that a delete waits for")
				return backwards(ctx, query, documents)
			})
		}).Search(search.Query{Text: "caravan", ContextChunks: 4})
		require.True(t, found.Reranked)
		require.Equal(t, []chat.ConversationID{all[2], all[1], all[0]}, idsOf(found.Hits))
	})
}
