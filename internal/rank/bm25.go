package rank

import "math"

// BM25's two constants. K1 sets how quickly repeating a term stops adding to the
// score; B sets how strongly long documents are penalised. Passages are short, of
// similar size, and use a word once or twice, so values below the usual 1.2 and
// 0.75 find more (docs/benchmarks.md).
const (
	K1 = 0.9
	B  = 0.5
)

// Corpus is what BM25 needs to know about all documents of a search.
type Corpus struct {
	Docs     int     // how many there are
	AvgTerms float64 // how many terms they have on average
}

// IDF is the weight of a term that df of docs documents contain. The 1 inside the
// logarithm keeps it positive, so a match never lowers a score and terms that most
// documents contain still count a little. The other common form, which is nearly
// zero for such terms (SQLite's bm25() uses it), finds less: over 1,536 questions
// about long dialogues, .604 against .609 in the first five turns and .733 against
// .744 in the first twenty.
func IDF(docs, df int) float64 {
	df = max(0, min(df, docs))
	return math.Log1p((float64(docs-df) + 0.5) / (float64(df) + 0.5))
}

// Score is the BM25 score of a document. tf is how often the document contains each
// query term, idf the weights of those terms, docTerms the number of terms in the
// document, and avg the corpus' AvgTerms.
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
