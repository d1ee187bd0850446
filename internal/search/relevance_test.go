package search_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/history/historytest"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/recall"
	"github.com/lethe-chat/lethe/internal/search"
)

// addTwentyChats adds chats about everyday things.
func addTwentyChats(f *historytest.Fixture) {
	f.T.Helper()
	for i, topic := range []string{
		"a caravan", "sourdough bread", "the garden fence", "a new bicycle", "piano lessons", "the tax return", "a trip to Lisbon", "the washing machine",
		"a birthday cake", "the cat's diet", "a job interview", "hiking boots", "the school play", "a broken window", "wedding rings", "the allotment",
		"learning Welsh", "a second-hand camera", "the flu", "moving house",
	} {
		f.Ingest(historytest.Upload(fmt.Sprint(i), "Tell me what I should know about "+topic+".", "Here is what matters about "+topic+": plan it well."))
	}
	f.Index()
}

// What has nothing to do with the question is in no answer, whichever legs answer, unless the
// caller lowers the floor.
func TestUnrelatedPassagesAreLeftOut(t *testing.T) {
	historytest.Each(t, func(t *testing.T, f *historytest.Fixture) {
		addTwentyChats(f)
		reranking := f.With(func(o *history.Options) { o.Reranker = judge(backwards) })
		for _, mode := range []search.Mode{search.Hybrid, search.Semantic, search.Keyword} {
			require.Empty(t, f.Search(search.Query{Text: "xyzzy plugh", Mode: mode}).Hits, mode)
			require.Empty(t, reranking.Search(search.Query{Text: "xyzzy plugh", Mode: mode}).Hits, mode)
			require.NotEmpty(t, f.Search(search.Query{Text: "Who said something about a caravan?", Mode: mode}).Hits, mode)
		}
		all := f.Search(search.Query{Text: "xyzzy plugh", MinScore: new(0.0)}).Hits
		require.Len(t, all, 20)
		for i, hit := range all {
			require.Less(t, hit.Score, rank.RecallFloor)
			require.True(t, i == 0 || hit.Score <= all[i-1].Score, "scores fall")
		}
		best := f.Search(search.Query{Text: "caravan"}).Hits[0].Score
		require.Empty(t, f.Search(search.Query{Text: "sourdough caravan", MinScore: new(1.0)}).Hits)
		require.Greater(t, best, 0.9)
		for _, wrong := range []float64{-0.1, 1.1} {
			_, err := f.Access().Search(t.Context(), search.Query{Text: "caravan", MinScore: &wrong})
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
		}

		empty := f.Recall(recall.Query{Text: "xyzzy plugh"})
		require.Equal(t, recall.Digest{Sources: []recall.Source{}, Model: recall.ExtractiveModel}, empty.Digest)
		require.NotEmpty(t, f.Recall(recall.Query{Text: "xyzzy plugh", MinScore: new(0.0)}).Sources)
	})
}

// A score does not depend on what else is in the answer: the same passage has it in a short
// answer and in a long one, and a better passage of another chat does not change it.
func TestScoresAreNotScaledToTheAnswer(t *testing.T) {
	historytest.Each(t, func(t *testing.T, f *historytest.Fixture) {
		addTwentyChats(f)
		q := search.Query{Text: "sourdough lessons in Lisbon", Mode: search.Keyword, MinScore: new(0.0)}
		hits := f.Search(q).Hits
		require.Greater(t, len(hits), 2)
		require.Positive(t, hits[len(hits)-1].Score, "the last is not 0 because it is the last")
		require.Less(t, hits[0].Score, 1.0)
	})
}

// The days of a question are evidence, even if its words are nowhere.
func TestAQuestionAboutADayHasAnAnswer(t *testing.T) {
	historytest.Each(t, func(t *testing.T, f *historytest.Fixture) {
		addTwentyChats(f)
		day := f.Search(search.Query{Text: "caravan"}).Hits[0].Time
		found := f.Search(search.Query{Text: "What happened on " + day.Format("2 January 2006") + "?", Mode: search.Keyword})
		require.NotEmpty(t, found.Hits)
		for _, hit := range found.Hits {
			require.Less(t, hit.Time.Sub(day).Abs().Hours(), 72.0)
		}
	})
}

// While the embedder cannot say what its cosines mean, the words alone say what is relevant.
func TestRelevanceWithoutABackground(t *testing.T) {
	historytest.Each(t, func(t *testing.T, f *historytest.Fixture) {
		addTwentyChats(f)
		f.Embedder.Alone = true
		found := f.Search(search.Query{Text: "caravan", MinScore: new(rank.RecallFloor)})
		require.Equal(t, search.Hybrid, found.Mode)
		require.Len(t, found.Hits, 1)
		require.Empty(t, f.Search(search.Query{Text: "xyzzy plugh", MinScore: new(rank.RecallFloor)}).Hits)
	})
}
