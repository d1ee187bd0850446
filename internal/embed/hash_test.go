package embed

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func hashed(t *testing.T, text string) []float32 {
	t.Helper()
	got, err := NewHash().Embed(context.Background(), []string{text})
	require.NoError(t, err)
	return got[0]
}

// TestHashBits checks every bit, because stored vectors outlive the program that made them. If this fails, the model
// needs a new id, not a new expectation.
func TestHashBits(t *testing.T) {
	require.Equal(t, "hash-v1", HashModel)
	for text, want := range map[string]string{
		"The ferry to Tunø leaves at nine, NINE, nine!": "ac6b4bf49e9fef1b",
		"船は九時に出ます":                                      "448c3160f13b9102",
		"हिन्दी 42 naïve":                               "6f82e6e8098b8165",
	} {
		digest := sha256.New()
		for _, x := range hashed(t, text) {
			require.NoError(t, binary.Write(digest, binary.LittleEndian, math.Float32bits(x)))
		}
		require.Equal(t, want, hex.EncodeToString(digest.Sum(nil))[:16], text)
	}
}

func TestHashReadsEveryScript(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		read bool
	}{
		"latin":         {"a", true},
		"digit":         {"7", true},
		"greek":         {"Ω", true},
		"han":           {"船", true},
		"devanagari":    {"हिन्दी", true},
		"arabic digits": {"٤٢", true},
		"punctuation":   {"... !? -", false},
		"emoji":         {"😀😀", false},
		"broken bytes":  {"\xff\xfe", false},
		"NUL":           {"\x00", false},
		"a lone mark":   {"\u0301", false},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.read, hashed(t, c.text) != nil) })
	}
}

func TestHashNearness(t *testing.T) {
	ferry := hashed(t, "the ferry leaves the harbor at nine")
	near := dot(ferry, hashed(t, "when does the ferry leave the harbor"))
	far := dot(ferry, hashed(t, "my sister bakes rye bread"))
	require.Greater(t, near, 0.4)
	require.Less(t, far, 0.2)

	require.Equal(t, hashed(t, "Ferry, HARBOR"), hashed(t, "ferry harbor"), "case and punctuation say nothing")
	require.Greater(t, dot(hashed(t, "harbor"), hashed(t, "harbors")), 0.4, "shared trigrams count")
	require.Less(t, dot(hashed(t, "nine"), hashed(t, "nine nine nine ferry")), 1-1e-3)
}

// A repeated word must not outweigh the others: its share grows with the square root of its count.
func TestHashTamesRepetition(t *testing.T) {
	many := hashed(t, "ferry "+repeat("bread ", 100))
	require.Greater(t, dot(many, hashed(t, "ferry")), 0.05)
}

func repeat(s string, n int) string {
	out := ""
	for range n {
		out += s
	}
	return out
}

func FuzzHash(f *testing.F) {
	for _, seed := range []string{"", "a b", "船は", "\xff", "e\u0301", "1 2 3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		first, second := hashText(text), hashText(text)
		require.Equal(t, first, second)
		if first != nil {
			require.Len(t, first, hashDimensions)
			require.InDelta(t, 1, dot(first, first), 1e-5)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	text := repeat("the ferry leaves the harbor at nine ", 17) // about 120 words
	for b.Loop() {
		hashText(text)
	}
}
