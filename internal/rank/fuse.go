package rank

import (
	"cmp"
	"math"
	"slices"

	"github.com/lethe-chat/lethe/internal/chat"
)

// Key identifies a passage: its conversation and its position in that conversation.
type Key struct {
	Conversation chat.ConversationID
	Position     int
}

// Compare orders keys by conversation, then position. It breaks ties, so that
// the same search always answers in the same order.
func (k Key) Compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Conversation, other.Conversation), cmp.Compare(k.Position, other.Position))
}

// Scored is a passage with the score that one leg of the search gave it. Higher is
// better.
type Scored struct {
	Key   Key
	Score float64
}

// Fused is a passage with the combined score of both legs.
type Fused struct {
	Key   Key
	Score float64 // 0 to 1
}

// FuseDepth is how many passages of each leg take part in a fusion.
const FuseDepth = 100

// The weight of the keyword leg rises from the least to the most while the best match covers
// more of the query. A long message or an implicit question has many words that say nothing
// about what is meant, and then the meaning says more.
const (
	leastKeywordWeight, mostKeywordWeight = 0.3, 0.6
	leastCoverage, mostCoverage           = 0.08, 0.2
)

// KeywordWeight returns the weight of the keyword leg, when its best match covers this share of
// the query's weight. The semantic leg has the rest.
func KeywordWeight(coverage float64) float64 {
	share := (coverage - leastCoverage) / (mostCoverage - leastCoverage)
	return leastKeywordWeight + (mostKeywordWeight-leastKeywordWeight)*min(max(share, 0), 1)
}

// Fuse merges the lists of the two legs, which may be in any order, and returns the
// best limit passages, best first, ties ordered by key. The FuseDepth best of each
// list are scaled so that the best has 1 and the last 0 (all have 1 when their
// scores are equal); the result is the weighted sum. If one leg is empty, the other
// gets all the weight. Scores that are not finite are ignored. If a key appears
// several times in a list, its best score counts.
func Fuse(keyword, semantic []Scored, keywordWeight float64, limit int) []Fused {
	keyword, semantic = scaled(keyword), scaled(semantic)
	kw, sw := keywordWeight, 1-keywordWeight
	switch {
	case len(semantic) == 0:
		kw = 1
	case len(keyword) == 0:
		sw = 1
	}
	sums := make(map[Key]float64, len(keyword)+len(semantic))
	for _, s := range keyword {
		sums[s.Key] = kw * s.Score
	}
	for _, s := range semantic {
		sums[s.Key] += sw * s.Score
	}
	fused := make([]Fused, 0, len(sums))
	for key, sum := range sums {
		fused = append(fused, Fused{key, sum})
	}
	slices.SortFunc(fused, func(a, b Fused) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), a.Key.Compare(b.Key))
	})
	return fused[:min(len(fused), max(limit, 0))]
}

// scaled returns the best of a list, each key once, with scores from 0 to 1.
func scaled(list []Scored) []Scored {
	best := make([]Scored, 0, len(list))
	for _, s := range list {
		if !math.IsNaN(s.Score) && !math.IsInf(s.Score, 0) {
			best = append(best, s)
		}
	}
	slices.SortFunc(best, func(a, b Scored) int {
		return cmp.Or(a.Key.Compare(b.Key), cmp.Compare(b.Score, a.Score))
	})
	best = slices.CompactFunc(best, func(a, b Scored) bool { return a.Key == b.Key })
	slices.SortFunc(best, func(a, b Scored) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), a.Key.Compare(b.Key))
	})
	best = best[:min(len(best), FuseDepth)]
	if len(best) == 0 {
		return nil
	}
	// Halved, because the difference of two finite scores may not be finite.
	low, high := best[len(best)-1].Score/2, best[0].Score/2
	for i := range best {
		if high > low {
			best[i].Score = (best[i].Score/2 - low) / (high - low)
		} else {
			best[i].Score = 1
		}
	}
	return best
}
