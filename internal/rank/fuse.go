package rank

import (
	"cmp"
	"math"
	"slices"
)

// Key names a passage: the conversation it is in and its position there.
type Key struct {
	Conversation string
	Position     int
}

// Compare orders keys by conversation, then position. It breaks ties, so that
// the same search always answers in the same order.
func (k Key) Compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Conversation, other.Conversation), cmp.Compare(k.Position, other.Position))
}

// Scored is a passage as one leg of the search ranks it; more is better.
type Scored struct {
	Key   Key
	Score float64
}

// Fused is a passage as both legs rank it together.
type Fused struct {
	Key   Key
	Score float64 // 0 to 1
}

// The mix of the two legs. FuseDepth is how many passages of each take part.
const (
	KeywordWeight  = 0.6
	SemanticWeight = 0.4
	FuseDepth      = 100
)

// Fuse merges the two legs' lists, in any order, into the best limit passages,
// best first, ties by key. Each list's FuseDepth best are scaled so that its best
// has 1 and its last 0 (all have 1 when all are equal), and the sum is weighted. A
// leg without answers leaves all the weight to the other. Scores that are no
// finite numbers are left out; of a key's several scores in one list the best
// counts.
func Fuse(keyword, semantic []Scored, limit int) []Fused {
	keyword, semantic = scaled(keyword), scaled(semantic)
	kw, sw := KeywordWeight, SemanticWeight
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

// scaled returns a list's best, each key once, with scores from 0 to 1.
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
