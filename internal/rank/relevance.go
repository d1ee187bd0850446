package rank

import "math"

// Evidence is what tells whether a passage has to do with a query.
type Evidence struct {
	Coverage float64 // the share of the query's weight that the passage has, 0 to 1
	Likeness float64 // Background.Likeness of its vector
	HasLike  bool    // whether the query and passages have vectors that can be compared
}

// The relevance below which a passage is not in an answer. A person looks through the results
// of a search, and what is near by meaning alone may be what was meant; a digest goes into a
// prompt that nobody checks.
const (
	SearchFloor = 0.001
	RecallFloor = 0.1
)

// Relevance estimates how probable it is that a passage has to do with the query, 0 to 1. best
// is the largest coverage and likeness of any passage that was found: when no passage has to do
// with a query, the best of them says so more clearly than each alone.
//
// It is the smaller of two logistic functions: of both, and of the passage's own evidence.
// Their weights were fitted on questions about dialogues, with the passages that answer them,
// and on questions about other things (docs/adr/0026-a-floor-of-relevance.md). Without vectors they are other
// functions, of the words alone.
func Relevance(own, best Evidence) float64 {
	if !own.HasLike || !best.HasLike {
		return logistic(min(8.05*own.Coverage+18.26*best.Coverage-7.4, 14.8*own.Coverage-3.2))
	}
	return logistic(min(
		0.79*own.Likeness+8.18*own.Coverage+1.58*best.Likeness+12.64*best.Coverage-13.12,
		2.66*own.Likeness+14.57*own.Coverage-8.4,
	))
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// Falling makes scores fall, or stay equal, from each one to the next, and changes them as
// little as possible: neighbours that are out of order get their mean (the pool adjacent
// violators algorithm). It changes and returns the slice.
func Falling(scores []float64) []float64 {
	type pool struct {
		sum float64
		n   int
	}
	var pools []pool
	for _, s := range scores {
		pools = append(pools, pool{s, 1})
		for n := len(pools); n > 1 && pools[n-1].sum*float64(pools[n-2].n) > pools[n-2].sum*float64(pools[n-1].n); n = len(pools) {
			pools[n-2].sum += pools[n-1].sum
			pools[n-2].n += pools[n-1].n
			pools = pools[:n-1]
		}
	}
	at := 0
	for _, p := range pools {
		for range p.n {
			scores[at] = p.sum / float64(p.n)
			at++
		}
	}
	return scores
}

// Background is how near a query's vector is to texts that have nothing to do with each other.
// What a cosine means differs between models and between queries; the background makes it
// comparable.
type Background struct{ mean, deviation float64 }

// NewBackground returns the background of a query from its cosines to the unrelated texts. It
// returns false when they tell nothing, because there are none or all are equal.
func NewBackground(cosines []float64) (Background, bool) {
	var b Background
	for _, c := range cosines {
		b.mean += c / float64(len(cosines))
	}
	for _, c := range cosines {
		b.deviation += (c - b.mean) * (c - b.mean) / float64(len(cosines))
	}
	b.deviation = math.Sqrt(b.deviation)
	return b, b.deviation > 1e-9 && !math.IsInf(b.deviation, 0)
}

// maxLikeness limits what an unusual model can claim.
const maxLikeness = 8

// Likeness returns by how many standard deviations a cosine exceeds the background, between -8
// and 8.
func (b Background) Likeness(cosine float64) float64 {
	return min(max((cosine-b.mean)/b.deviation, -maxLikeness), maxLikeness)
}
