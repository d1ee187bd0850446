package rank

import "math"

// BM25's two constants. K1 says how soon repeating a term stops helping, B how much
// long documents pay for being long. Passages are short and of one size, and say a
// word once or twice: lower values than the usual 1.2 and 0.75 find more in them
// (docs/benchmarks.md).
const (
	K1 = 0.9
	B  = 0.5
)

// Corpus is what BM25 needs to know of all documents of a search.
type Corpus struct {
	Docs     int     // how many there are
	AvgTerms float64 // how many terms they have on average
}

// IDF is the weight of a term that df of docs documents hold. The 1 in the
// logarithm keeps it positive, so that a match never lowers a score, and lets
// terms that most documents hold still tell them apart. The other common form, cut
// off at nearly nothing for them (SQLite's bm25() has it), finds less: over 1,536
// questions about long dialogues .604 against .609 among the first five turns and
// .733 against .744 among the first twenty.
func IDF(docs, df int) float64 {
	df = max(0, min(df, docs))
	return math.Log1p((float64(docs-df) + 0.5) / (float64(df) + 0.5))
}

// Score is the BM25 of a document: tf holds how often it has each of the query's
// terms, idf their weights, docTerms how many terms it has in all, and avg the
// corpus' AvgTerms.
func Score(tf []int, idf []float64, docTerms int, avg float64) float64 {
	length := 1.0
	if avg > 0 {
		length = 1 - B + B*float64(docTerms)/avg
	}
	sum := 0.0
	for i, n := range tf {
		if n > 0 {
			sum += idf[i] * float64(n) * (K1 + 1) / (float64(n) + K1*length)
		}
	}
	return sum
}
