package bench_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/text"
)

// The shape of the conversations that are measured.
const (
	messagesEach = 20
	chunksEach   = 40
	chunkWords   = 80
	messageWords = chunksEach * chunkWords / messagesEach
	dimensions   = 512
	vocabulary   = 4000

	naturalVocabulary = 30_000
)

// corpus generates texts whose words are distributed like those of a language. The same
// seed gives the same texts.
type corpus struct {
	rng   *rand.Rand
	zipf  *rand.Zipf
	words []string

	vectors func() []float32 // makes the next vector
}

func newCorpus(seed uint64) *corpus {
	rng := rand.New(rand.NewPCG(seed, 0))
	c := &corpus{rng: rng, zipf: rand.NewZipf(rng, 1.2, 8, vocabulary-1), words: inventWords(rng, vocabulary)}
	c.vectors = c.vector
	return c
}

// newNaturalCorpus returns a corpus whose words are as common as those of a language without its stop words: the most
// common one is in a quarter of all passages.
func newNaturalCorpus(seed uint64) *corpus {
	rng := rand.New(rand.NewPCG(seed, 0))
	c := &corpus{rng: rng, zipf: rand.NewZipf(rng, 1.07, 50, naturalVocabulary-1), words: inventWords(rng, naturalVocabulary)}
	c.vectors = c.vector
	return c
}

// inventWords generates words that the analyzer does not change, so that the terms of a
// text are its words.
func inventWords(rng *rand.Rand, n int) []string {
	const consonants, vowels = "bdfgklmnprtvz", "aiou"
	seen := map[string]bool{}
	words := make([]string, 0, n)
	for len(words) < n {
		var b strings.Builder
		for range 2 + rng.IntN(3) {
			b.WriteByte(consonants[rng.IntN(len(consonants))])
			b.WriteByte(vowels[rng.IntN(len(vowels))])
		}
		b.WriteByte(consonants[rng.IntN(len(consonants))])
		word := b.String()
		if terms := text.Terms(word); len(terms) != 1 || terms[0] != word || seen[word] {
			continue
		}
		seen[word] = true
		words = append(words, word)
	}
	return words
}

// text returns a text of n words, common ones more often.
func (c *corpus) text(words int) string {
	var b strings.Builder
	for i := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(c.words[c.zipf.Uint64()])
	}
	return b.String()
}

// query returns n different words, distributed as in a text.
func (c *corpus) query(words int) string {
	picked := map[string]bool{}
	var list []string
	for len(list) < words {
		word := c.words[c.zipf.Uint64()]
		if !picked[word] {
			picked[word] = true
			list = append(list, word)
		}
	}
	return strings.Join(list, " ")
}

// vector returns a vector of unit length in a random direction.
func (c *corpus) vector() []float32 { return randomVector(c.rng) }

func randomVector(rng *rand.Rand) []float32 {
	v := make([]float32, dimensions)
	sum := 0.0
	for i := range v {
		x := rng.Float64() + rng.Float64() + rng.Float64() - 1.5
		v[i] = float32(x)
		sum += x * x
	}
	scale := float32(1 / math.Sqrt(sum))
	for i := range v {
		v[i] *= scale
	}
	return v
}

func blob(v []float32) []byte {
	out := make([]byte, 0, 4*len(v))
	for _, x := range v {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out
}

// conversation is one generated chat as it is stored after indexing.
type conversation struct {
	id       string
	messages []string
	chunks   []string
	vectors  [][]float32
}

func (c *corpus) conversation() conversation {
	made := conversation{id: chat.NewID()}
	perMessage := chunksEach / messagesEach
	for range messagesEach {
		var parts []string
		for range perMessage {
			parts = append(parts, c.text(chunkWords))
			made.vectors = append(made.vectors, c.vectors())
		}
		made.messages = append(made.messages, strings.Join(parts, " "))
		made.chunks = append(made.chunks, parts...)
	}
	return made
}
