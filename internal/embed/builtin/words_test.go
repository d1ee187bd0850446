package builtin

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/embed/builtin/encoder"
	"github.com/lethe-chat/lethe/internal/embed/builtin/pieces"
)

// TestWords computes the rule step by step: the vector of the model plus three times the weighted mean of the vectors
// of the single words, where rare words weigh more.
func TestWords(t *testing.T) {
	m, err := New().load()
	require.NoError(t, err)
	scratch := encoder.NewScratch()
	alone := func(word string) (sum [encoder.Dimensions]float64, weight float64) {
		var r pieces.Reading
		r.Read(m.vocabulary, word)
		p := 1.0
		for _, id := range r.IDs {
			vector, err := m.encoder.Encode(scratch, []int32{id})
			require.NoError(t, err)
			for i, x := range vector {
				sum[i] += float64(x) / float64(len(r.IDs))
			}
			p *= math.Exp(m.vocabulary.Score(id))
		}
		return sum, 0.001 / (0.001 + p)
	}
	var r pieces.Reading
	const text = "The lighthouse-keeper waits for the 船 near the old harbor!"
	r.Read(m.vocabulary, text)
	whole, err := m.encoder.Encode(scratch, r.IDs)
	require.NoError(t, err)
	var want [encoder.Dimensions]float64
	total, weights := 0.0, []float64{}
	for _, word := range strings.Fields("the lighthouse keeper waits for the near the old harbor") { // the model does not know 船
		vector, weight := alone(word)
		for i, x := range vector {
			want[i] += weight * x
		}
		total += weight
		weights = append(weights, weight)
	}
	require.Less(t, weights[0], weights[1]/10, "a word that everybody says says little")
	for i, x := range whole {
		want[i] = float64(x) + 3*want[i]/total
	}
	require.InDeltaSlice(t, unit(want[:]), embedAll(t, New(), []string{text})[0], 1e-6)
}

// The vector of a text does not depend on the texts before it.
func TestWordsAreLearnedOnce(t *testing.T) {
	cold, warm := New(), New()
	embedAll(t, warm, english)
	for _, text := range english {
		require.Equal(t, embedAll(t, warm, []string{text}), embedAll(t, cold, []string{text}), text)
		cold = New()
	}
}

// A text without words has no vector. A word that the model does not know adds nothing to the model's own vector.
func TestTextWithoutWords(t *testing.T) {
	require.Nil(t, embedAll(t, New(), []string{"?!"})[0])

	m, err := New().load()
	require.NoError(t, err)
	const text = "qxzqxzqxzqxz船"
	var r pieces.Reading
	r.Read(m.vocabulary, text)
	want, err := m.encoder.Encode(encoder.NewScratch(), r.IDs)
	require.NoError(t, err)
	require.Equal(t, want, embedAll(t, New(), []string{text})[0])
}

func TestPlainWords(t *testing.T) {
	for text, want := range map[string]string{
		"Don't STOP, he said.": "don't stop  he said ", "": "", "cafe\u0301 №5/a_b": "cafe\u0301  5 a b", "\xffx": " x",
	} {
		require.Equal(t, want, string(plainWords(nil, text)))
	}
}
