package rank

// Match is a passage that contains terms of a query, with its BM25 score.
type Match struct {
	Scored

	Places [][]int // of each term of the query in the passage, in order; the first few of each
}

// Holds reports whether the passage contains the query's term with this number.
func (m Match) Holds(term int) bool { return len(m.Places[term]) > 0 }

// Pair is two terms of a query, by their numbers, that stand side by side in it.
type Pair struct{ First, Second int }

// AdjacencyWeight is the share of the weights of two terms that a passage gets in which they
// stand side by side, as in the query.
const AdjacencyWeight = 0.3

// Adjacency is what is added to the score of a passage for those pairs that stand side by side
// in it. idf are the weights of the terms.
func (m Match) Adjacency(pairs []Pair, idf []float64) float64 {
	sum := 0.0
	for _, p := range pairs {
		if follows(m.Places[p.First], m.Places[p.Second]) {
			sum += idf[p.First] + idf[p.Second]
		}
	}
	return AdjacencyWeight * sum
}

// follows reports whether one of the second places is next to one of the first. Both lists
// are in order.
func follows(first, second []int) bool {
	for i, j := 0, 0; i < len(first) && j < len(second); {
		switch {
		case second[j] == first[i]+1:
			return true
		case second[j] <= first[i]:
			j++
		default:
			i++
		}
	}
	return false
}
