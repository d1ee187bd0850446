package rank

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFalling(t *testing.T) {
	require.Equal(t, []float64{3, 1.5, 1.5, 0}, Falling([]float64{3, 1, 2, 0}))
	require.Equal(t, []float64{2, 2, 2}, Falling([]float64{1, 2, 3}))
	require.Empty(t, Falling(nil))
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		scores := make([]float64, random.IntN(40))
		for i := range scores {
			scores[i] = random.Float64()
		}
		before := slices.Clone(scores)
		for i, s := range Falling(scores) {
			require.True(t, i == 0 || s <= scores[i-1]+1e-12)
			require.True(t, s >= slices.Min(before)-1e-12 && s <= slices.Max(before)+1e-12)
		}
		slices.SortFunc(before, func(a, b float64) int { return -compare(a, b) })
		require.Equal(t, before, Falling(slices.Clone(before)), "what falls stays as it is")
	}
}

func compare(a, b float64) int {
	if a < b {
		return -1
	}
	return 1
}

func TestRelevanceGrowsWithTheEvidence(t *testing.T) {
	for _, vectors := range []bool{false, true} {
		at := func(coverage, likeness float64) float64 {
			return Relevance(Evidence{coverage, likeness, vectors}, Evidence{0.5, 3, vectors})
		}
		require.Less(t, at(0.1, 1), at(0.3, 1))
		require.LessOrEqual(t, at(0.1, 1), at(0.1, 2))
		require.Less(t, Relevance(Evidence{0, 2, vectors}, Evidence{0, 2, vectors}), RecallFloor, "no word of the query")
		require.Greater(t, Relevance(Evidence{1, 2, vectors}, Evidence{1, 2, vectors}), 0.9, "every word of the query")
	}
}

func TestBackground(t *testing.T) {
	b, ok := NewBackground([]float64{0.1, 0.3})
	require.True(t, ok)
	require.InDelta(t, 0, b.Likeness(0.2), 1e-9)
	require.InDelta(t, 2, b.Likeness(0.4), 1e-9)
	require.InDelta(t, maxLikeness, b.Likeness(9), 0)
	for _, nothing := range [][]float64{nil, {0.5}, {0.5, 0.5}} {
		_, ok := NewBackground(nothing)
		require.False(t, ok)
	}
}
