package builtin

import (
	"context"
	"math"
	"slices"
	"sync/atomic"
	"unicode"

	"github.com/lethe-chat/lethe/internal/embed/builtin/encoder"
	"github.com/lethe-chat/lethe/internal/embed/builtin/pieces"
)

// A text's vector from the model says what it is about on the whole; who or what it
// names gets lost in it. So the mean of what its words mean by themselves is added,
// the rarer ones counting more: by a/(a+p), p being the word's probability (Arora,
// Liang and Ma, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings",
// ICLR 2017). docs/benchmarks.md has what that finds. The probabilities are those of
// the model's own vocabulary.
const (
	rarity     = 1e-3
	wordsShare = 3 // the mean's weight; it is shorter than one, for words point everywhere
)

// lexicon is what each piece of the vocabulary means by itself, once somebody has
// asked: 16 MB when all have been. Pieces are the model's, and tell nothing of texts.
type lexicon []atomic.Pointer[[]float32]

// learn makes sure that the pieces are known.
func (x lexicon) learn(ctx context.Context, w *worker, m model, ids []int32) error {
	w.unknown = w.unknown[:0]
	for _, id := range ids {
		if id != pieces.Unknown && x[id].Load() == nil {
			w.unknown = append(w.unknown, id)
		}
	}
	slices.Sort(w.unknown)
	for left := slices.Compact(w.unknown); len(left) > 0; {
		if err := ctx.Err(); err != nil {
			return canceled(err)
		}
		some := left[:min(len(left), encoder.MaxPieces)]
		left = left[len(some):]
		vectors, err := m.encoder.EncodeEach(w.scratch, some)
		if err != nil {
			return err
		}
		for i, id := range some {
			x[id].Store(&vectors[i])
		}
	}
	return nil
}

// withWords adds to the vector of a text the mean of its words' own.
func (w *worker) withWords(ctx context.Context, m model, vector []float32, text string) ([]float32, error) {
	w.plain = plainWords(w.plain[:0], text)
	w.words.Read(m.vocabulary, string(w.plain))
	if err := m.lexicon.learn(ctx, w, m, w.words.IDs); err != nil {
		return nil, err
	}
	var sum [encoder.Dimensions]float64
	total := 0.0
	for rest := w.words.IDs; len(rest) > 0; {
		var word []int32
		word, rest = firstWord(m.vocabulary, rest)
		total += m.addWord(&sum, word)
	}
	if total == 0 {
		return vector, nil
	}
	for i, x := range vector {
		sum[i] = float64(x) + wordsShare*sum[i]/total
	}
	return unit(sum[:]), nil
}

// firstWord cuts the pieces of the first word off.
func firstWord(v *pieces.Vocabulary, ids []int32) (word, rest []int32) {
	n := 1
	for n < len(ids) && !v.BeginsWord(ids[n]) {
		n++
	}
	return ids[:n], ids[n:]
}

// addWord adds what a word means, the mean of its pieces, by its weight, which it
// returns. A word that the vocabulary does not cover has none.
func (m model) addWord(sum *[encoder.Dimensions]float64, word []int32) float64 {
	score := 0.0
	for _, id := range word {
		if id == pieces.Unknown {
			return 0
		}
		score += m.vocabulary.Score(id)
	}
	weight := rarity / (rarity + math.Exp(score))
	each := weight / float64(len(word))
	for _, id := range word {
		for i, x := range *m.lexicon[id].Load() {
			sum[i] += each * float64(x)
		}
	}
	return weight
}

// plainWords appends the words of a text: in lower case, without what stands
// between and around them.
func plainWords(to []byte, text string) []byte {
	for _, r := range text {
		if r != '\'' && !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) {
			to = append(to, ' ')
			continue
		}
		to = append(to, string(unicode.ToLower(r))...)
	}
	return to
}
