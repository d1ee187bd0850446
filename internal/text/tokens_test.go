package text

import (
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestCount(t *testing.T) {
	for _, tc := range []struct {
		text string
		want int
	}{
		{"", 0},
		{"hello", 1},
		{"Hello, world!", 4},
		{"The quick brown fox jumps over the lazy dog.", 10},
		{" ", 1},
		{"\xff\xfe", 1},
	} {
		require.Equal(t, tc.want, Tokens(tc.text), "%q", tc.text)
	}
}

// For ordinary text, counting in pieces must give the exact number.
func TestPiecesAreExactOnProse(t *testing.T) {
	for _, sentence := range []string{
		"The quick brown fox jumps over the lazy dog, isn't it? ",
		"Съешь ещё этих мягких французских булок, да выпей чаю. ",
		"func main() {\n\tfmt.Println(\"hi\") // greet\n}\n\n",
		"| a | b |\n|---|---|\n| 1 | 2 |\n",
	} {
		text := strings.Repeat(sentence, 1000)
		whole, err := encoder().Count(text)
		require.NoError(t, err)
		require.Equal(t, whole, Tokens(text), "%q", sentence)
	}
}

func TestCountUpTo(t *testing.T) {
	text := strings.Repeat("word ", 100_000)
	n, whole := TokensUpTo(text, 500)
	require.False(t, whole)
	require.Greater(t, n, 500)
	require.Less(t, n, 5_000, "counting did not stop at the limit")
	n, whole = TokensUpTo("one two three", 3)
	require.True(t, whole)
	require.Equal(t, 3, n)
	_, whole = TokensUpTo("one two three", 2)
	require.False(t, whole)
}

func TestCut(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		limit      int
		want       string
	}{
		{"whole", "One two three.", 100, "One two three."},
		{"nothing", "One two three.", 0, ""},
		{"negative", "One two three.", -1, ""},
		{"sentence", "First sentence is here. Second one ends. And a third goes on", 11, "First sentence is here. Second one ends."},
		{"word", "alpha beta gamma delta epsilon zeta eta theta", 4, "alpha beta gamma delta"},
		{"within a token", "。...\n\n的」日本.的?ที่👍🏽日本ि", 1, "。."},
		{"Chinese sentence", "我喜欢喝茶，每天都喝。他不喜欢。", 10, "我喜欢喝茶，每天都喝。"},
	} {
		t.Run(tc.name, func(t *testing.T) { require.Equal(t, tc.want, CutTokens(tc.text, tc.limit)) })
	}
}

// awkward are inputs that a careless tokenizer handles slowly or wrongly.
var awkward = map[string]string{
	"letters": "a", "capitals": "A", "blanks": " ", "line breaks": "\n", "blank lines": " \n",
	"tabs": "\t\r\n ", "Chinese": "我喜欢喝茶", "punctuation": "=", "mixed case": "aB",
	"marks": "e\u0301\u0301", "emoji": "👩‍👩‍👧", "broken": "\xff", "digits": "12345",
	"words": "some words and, again, more! ", "base64": "dGhpcyBpcyBhIHRlc3Qgb2YgYmFzZTY0",
}

func TestCutHolds(t *testing.T) {
	for name, unit := range awkward {
		text := strings.Repeat(unit, 10_000/len(unit))
		for _, limit := range []int{1, 2, 7, 100, 1500} {
			got := CutTokens(text, limit)
			require.LessOrEqual(t, Tokens(got), limit, name)
			require.True(t, utf8.ValidString(got), name)
			require.True(t, strings.HasPrefix(strings.ToValidUTF8(text, "\uFFFD"), got), name)
		}
	}
}

func TestCountIsLinear(t *testing.T) {
	for name, unit := range awkward {
		t.Run(name, func(t *testing.T) { requireLinear(t, 300_000, unit, func(text string) { Tokens(text) }) })
	}
}

func TestCountConcurrently(t *testing.T) {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				if n := Tokens("Hello, world!"); n != 4 {
					t.Errorf("counted %d", n)
				}
			}
		})
	}
	all.Wait()
}

func FuzzCut(f *testing.F) {
	f.Add("Hello, world! This is a test.", 3)
	f.Add(strings.Repeat(" \n", 300), 10)
	f.Add("我喜欢喝茶。\xff", 2)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		got := CutTokens(text, limit)
		if n := Tokens(got); n > max(limit, 0) {
			t.Fatalf("%d tokens, limit %d", n, limit)
		}
		if !utf8.ValidString(got) {
			t.Fatal("cut inside a rune")
		}
	})
}

func BenchmarkCount(b *testing.B) {
	for _, name := range []string{"words", "Chinese", "blank lines", "base64"} {
		b.Run(name, func(b *testing.B) {
			text := strings.Repeat(awkward[name], 100_000/len(awkward[name]))
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Tokens(text)
			}
		})
	}
}
