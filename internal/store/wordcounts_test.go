package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// How many passages contain a common word is counted once, and again when the workspace has changed, in a transaction
// that writes, and after some minutes. Rare words are counted each time.
func TestCountsOfCommonWordsAreRemembered(t *testing.T) {
	const common, rare = 300, 20
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		counted := 0
		now := &clock{}
		o := db.Options()
		o.Now, o.Trace = now.Now, func(statement string) {
			if strings.Contains(statement, "count(*)") && strings.Contains(statement, "asked") {
				counted++
			}
		}
		s, err := store.Open(ctx, o)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		ws := workspace(t, s, "w")
		added := 0
		add := func(n int, terms ...string) {
			t.Helper()
			added++
			indexedAs(t, s, ws, transcript(t, fmt.Sprint(added), "text"), slices.Repeat([][]string{terms}, n)...)
		}
		add(common, "common")
		add(rare, "rare")
		weight := func(v *store.View, term string) float64 {
			t.Helper()
			found, err := v.SearchKeyword(ws, store.Words{Terms: []string{term}}, chat.Filter{})
			require.NoError(t, err)
			return found.Weights[0].Weight
		}
		requireCounted := func(term string, documents, docs int, again bool) {
			t.Helper()
			counted = 0
			require.InDelta(t, rank.IDF(docs, documents), weight(s.View(ctx), term), 1e-12)
			require.Equal(t, again, counted > 0)
		}
		requireCounted("common", common, common+rare, true)
		requireCounted("common", common, common+rare, false)
		requireCounted("rare", rare, common+rare, true)
		requireCounted("rare", rare, common+rare, true)

		add(3, "common") // less than a hundredth: the count of before
		requireCounted("common", common, common+rare+3, false)
		add(3, "common")
		requireCounted("common", common+6, common+rare+6, true)
		requireCounted("common", common+6, common+rare+6, false)
		inTx(t, s, func(tx *store.Tx) error {
			counted = 0
			weight(&tx.View, "common")
			require.NotZero(t, counted, "only the transaction sees what it has written")
			return nil
		})
		now.Advance(11 * time.Minute)
		requireCounted("common", common+6, common+rare+6, true)

		add(3, "common")
		remove(t, s, ws, list(t, s, ws, chat.Filter{})...)
		require.Empty(t, keyword(t, s, ws, chat.Filter{}, "common"))
	})
}

// A workspace does not get the counts of another one.
func TestCountsOfWordsBelongToTheirWorkspace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		one, two := workspace(t, s, "one"), workspace(t, s, "two")
		indexedAs(t, s, one, transcript(t, "x", "text"), slices.Repeat([][]string{{"common"}}, 300)...)
		indexedAs(t, s, two, transcript(t, "y", "text"), append(slices.Repeat([][]string{{"other"}}, 299), []string{"common"})...)
		for ws, documents := range map[chat.WorkspaceID]int{one: 300, two: 1} {
			for range 2 {
				weights, err := s.View(ctx).Weigh(ws, store.Words{Terms: []string{"common"}})
				require.NoError(t, err)
				require.InDelta(t, rank.IDF(300, documents), weights[0].Weight, 1e-12)
			}
		}
	})
}

// The best passages are found although more passages seem to be as good before they are scored: PostgreSQL selects by a
// bound, which is too high for long passages.
func TestTheBestOfManyLongPassages(t *testing.T) {
	const long, medium, short = 200, 120, 300
	fill := func(n int) []string { return append(slices.Repeat([]string{"filler"}, n), "word") }
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		lists := slices.Repeat([][]string{fill(200)}, long)
		lists = append(lists, slices.Repeat([][]string{fill(138)}, medium)...)
		lists = append(lists, slices.Repeat([][]string{slices.Repeat([]string{"filler"}, 10)}, short)...)
		indexedAs(t, s, ws, transcript(t, "x", "text"), lists...)
		found := keyword(t, s, ws, chat.Filter{}, "word")
		require.Len(t, found, store.LegSize)
		for i, f := range found {
			require.Equal(t, long+i, f.Key.Position)
		}
	})
}
