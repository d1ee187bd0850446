package rank

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
)

func key(n int) Key {
	return Key{Conversation: chat.ConversationID(strconv.Itoa(n / 10)), Position: n % 10}
}

func list(scores ...float64) []Scored {
	var out []Scored
	for i, s := range scores {
		out = append(out, Scored{key(i), s})
	}
	return out
}

func TestFuse(t *testing.T) {
	for _, tc := range []struct {
		name              string
		keyword, semantic []Scored
		limit             int
		want              []Fused
	}{
		{"nothing", nil, nil, 10, []Fused{}},
		{"no room", list(1, 2), nil, 0, []Fused{}},
		{"a negative limit", list(1, 2), nil, -1, []Fused{}},
		{"keyword alone", list(1, 3, 2), nil, 10, []Fused{{key(1), 1}, {key(2), 0.5}, {key(0), 0}}},
		{"semantic alone", nil, list(-0.5, 0.5), 10, []Fused{{key(1), 1}, {key(0), 0}}},
		{"all equal", list(7, 7), list(7, 7), 10, []Fused{{key(0), 1}, {key(1), 1}}},
		{"weights", list(1, 0), list(0, 1), 10, []Fused{{key(0), 0.6}, {key(1), 0.4}}},
		{"limit", list(3, 2, 1), nil, 1, []Fused{{key(0), 1}}},
		{"no numbers", list(math.NaN(), 2, math.Inf(1), math.Inf(-1)), nil, 10, []Fused{{key(1), 1}}},
		{"huge", list(-math.MaxFloat64, math.MaxFloat64), nil, 10, []Fused{{key(1), 1}, {key(0), 0}}},
		{"a key twice", []Scored{{key(1), 1}, {key(1), 5}, {key(0), 3}}, nil, 10, []Fused{{key(1), 1}, {key(0), 0}}},
	} {
		t.Run(tc.name, func(t *testing.T) { require.Equal(t, tc.want, Fuse(tc.keyword, tc.semantic, 0.6, tc.limit)) })
	}
}

func TestFuseProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		some := func() []Scored {
			var out []Scored
			for range random.IntN(250) {
				out = append(out, Scored{key(random.IntN(300)), float64(random.IntN(20)) - 10})
			}
			return out
		}
		keyword, semantic := some(), some()
		limit := random.IntN(120)
		given := slices.Clone(keyword)
		got := Fuse(keyword, semantic, 0.6, limit)
		require.Equal(t, given, keyword, "the caller's list was touched")
		require.LessOrEqual(t, len(got), limit)
		seen := map[Key]bool{}
		for i, f := range got {
			require.False(t, seen[f.Key], "twice")
			seen[f.Key] = true
			require.True(t, f.Score >= 0 && f.Score <= 1.0000001, f.Score)
			if i > 0 {
				before := got[i-1]
				require.True(t, before.Score > f.Score || before.Score == f.Score && before.Key.Compare(f.Key) < 0)
			}
		}
		// The order of the lists does not matter, nor a scale or an offset of theirs.
		random.Shuffle(len(keyword), func(i, j int) { keyword[i], keyword[j] = keyword[j], keyword[i] })
		for i := range semantic {
			semantic[i].Score = semantic[i].Score*4 + 16
		}
		require.Equal(t, got, Fuse(keyword, semantic, 0.6, limit))
	}
}

func TestFuseTakesTheBestHundred(t *testing.T) {
	var long []Scored
	for i := range 150 {
		long = append(long, Scored{key(i), float64(i)})
	}
	got := Fuse(long, nil, 0.6, 1000)
	require.Len(t, got, FuseDepth)
	require.Equal(t, key(149), got[0].Key)
	require.Equal(t, Fused{key(50), 0}, got[FuseDepth-1])
}

func TestBM25(t *testing.T) {
	require.Greater(t, IDF(100, 1), IDF(100, 50))
	for _, df := range []int{-1, 0, 1, 50, 99, 100, 500} {
		require.Greater(t, IDF(100, df), 0.0, df)
	}
	idf := []float64{IDF(100, 3), IDF(100, 30)}
	score := func(tf ...int) float64 { return Score(tf, idf, 20, 20) }
	require.Zero(t, score(0, 0))
	require.Greater(t, score(1, 0), score(0, 1), "a rare term counts more")
	require.Greater(t, score(2, 0), score(1, 0))
	require.Less(t, score(2, 0), 2*score(1, 0), "repeating helps less and less")
	require.Greater(t, Score([]int{1, 0}, idf, 10, 20), Score([]int{1, 0}, idf, 40, 20), "short documents count more")
	require.InDelta(t, idf[0], score(1, 0), 1e-12, "once in a document of average length")
	require.False(t, math.IsNaN(Score([]int{1, 0}, idf, 0, 0)))
}
