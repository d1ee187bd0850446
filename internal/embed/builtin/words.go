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

// The model's vector of a text describes its topic as a whole; the names in it get
// lost. So the weighted mean of the vectors of its single words is added. A word's
// weight is a/(a+p), where p is the word's probability, so rarer words count more
// (Arora, Liang and Ma, "A Simple but Tough-to-Beat Baseline for Sentence
// Embeddings", ICLR 2017). ADR 12 reports the gain. The probabilities come from the
// model's own vocabulary.
const (
	rarity     = 1e-3
	wordsShare = 3 // weight of the mean, whose length is below one because words point in many directions
)

// lexicon caches the vector of each single piece once it has been needed: 16 MB when
// it is full. The pieces are the model's vocabulary and reveal nothing about texts.
type lexicon []atomic.Pointer[[]float32]

// learn adds the vectors of pieces that are not cached yet.
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

// withWords adds the weighted mean of the word vectors to the vector of a text.
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

// firstWord splits off the pieces of the first word.
func firstWord(v *pieces.Vocabulary, ids []int32) (word, rest []int32) {
	n := 1
	for n < len(ids) && !v.BeginsWord(ids[n]) {
		n++
	}
	return ids[:n], ids[n:]
}

// addWord adds a word's vector, the mean of its pieces, times its weight, and
// returns the weight. The weight of a word outside the vocabulary is 0.
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

// plainWords appends the words of a text in lower case, without punctuation.
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
