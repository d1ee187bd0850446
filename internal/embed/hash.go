package embed

import (
	"context"
	"math"
	"unicode"
)

// HashModel is the model id of the feature-hashing embedder. Any change of its arithmetic needs a new id, because
// stored vectors do not change.
const HashModel = "hash-v1"

const (
	hashDimensions = 768
	trigramWeight  = 0.5 // a power of two, so that products are exact on every platform
)

type hasher struct{}

// NewHash returns the embedder for tests. It has no model: it hashes words and character trigrams into 768 signed
// buckets, in microseconds and in every script. Texts are close when their spelling is similar, not their meaning.
// The same text gives the same bits on every platform.
func NewHash() Embedder { return hasher{} }

func (hasher) Model() Model { return Model{ID: HashModel, Dimensions: hashDimensions} }

// Embed returns nil for a text without a letter or digit. Its only error is Canceled.
func (hasher) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		if err := ctx.Err(); err != nil {
			return nil, canceled(err)
		}
		vectors[i] = hashText(text)
	}
	return vectors, nil
}

func hashText(text string) []float32 {
	var found features
	var word []rune
	for _, r := range text {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || (unicode.IsMark(r) && len(word) > 0) {
			word = append(word, unicode.ToLower(r))
			continue
		}
		found.addWord(word)
		word = word[:0]
	}
	found.addWord(word)
	return found.vector()
}

// features counts the words and trigrams of one text, in the order in which they first appear. A sum in map order
// would round differently each time.
type features struct {
	seen   map[uint64]int // hash -> index in counts
	counts []feature
}

type feature struct {
	hash   uint64
	weight float64
	count  int
}

// The first hashed byte distinguishes a word from a trigram of the same letters.
const (
	wordKind    = 'w'
	trigramKind = 't'
)

func (f *features) addWord(word []rune) {
	if len(word) == 0 {
		return
	}
	f.add(hashRunes(wordKind, word), 1)
	padded := make([]rune, 0, len(word)+2)
	padded = append(append(append(padded, ' '), word...), ' ')
	for i := 0; i+3 <= len(padded); i++ {
		f.add(hashRunes(trigramKind, padded[i:i+3]), trigramWeight)
	}
}

func (f *features) add(hash uint64, weight float64) {
	if f.seen == nil {
		f.seen = make(map[uint64]int)
	}
	at, ok := f.seen[hash]
	if !ok {
		at = len(f.counts)
		f.seen[hash] = at
		f.counts = append(f.counts, feature{hash: hash, weight: weight})
	}
	f.counts[at].count++
}

// vector adds each feature to its bucket. The square root limits the effect of repeated words. A logarithm would too,
// but is not rounded in the same way on every platform.
func (f *features) vector() []float32 {
	sums := make([]float64, hashDimensions)
	for _, c := range f.counts {
		value := c.weight * math.Sqrt(float64(c.count))
		if c.hash>>63 == 1 {
			value = -value
		}
		sums[c.hash%hashDimensions] += value
	}
	v, _ := unit(sums) // a sum of finite values is finite
	return v
}

// hashRunes is FNV-1a over the bytes of the runes, and then the finisher of MurmurHash3, because the high bits of FNV
// are weak and bucket and sign need them.
func hashRunes(kind byte, runes []rune) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := (uint64(offset) ^ uint64(kind)) * prime
	for _, r := range runes {
		for shift := 0; shift < 32; shift += 8 {
			h = (h ^ uint64(byte(r>>shift))) * prime //nolint:gosec // one byte of the rune at a time
		}
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
