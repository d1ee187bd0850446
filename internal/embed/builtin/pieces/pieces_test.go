package pieces

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/fault"
)

// vocabulary makes a vocabulary of these pieces after the reserved ids: the first one has id 6.
func vocabulary(t testing.TB, list ...Piece) *Vocabulary {
	t.Helper()
	v, err := New(append([]Piece{{"\ufffd", 0}, {"<s>", 0}, {"</s>", 0}, {"r1", 0}, {"r2", 0}, {"r3", 0}}, list...))
	require.NoError(t, err)
	return v
}

func small(t testing.TB) *Vocabulary {
	t.Helper()
	return vocabulary(t, Piece{"▁", -5}, Piece{"a", -4}, Piece{"b", -4}, Piece{"▁ab", -3}, Piece{"ab", -8},
		Piece{"bab", -1}, Piece{"船", -7}, Piece{"é", -7}, Piece{"f", -9}, Piece{"i", -9}, Piece{"fi", -5}, Piece{"▁:", -6}, Piece{":", -4}, Piece{")", -4}, Piece{"▁:)", 0}, Piece{":)", 0},
		Piece{"s", -9}, Piece{">", -9}, Piece{"s>", -9}, Piece{"c", -2}, Piece{"d", -2}, Piece{"cd", -4}, Piece{"gh", -3})
}

func TestRead(t *testing.T) {
	v := small(t)
	for name, c := range map[string]struct {
		text  string
		want  string // pieces, "?" for unknown, between bars
		words int
	}{
		"nothing":                       {"", "", 0},
		"white space":                   {" \t\u00a0\u3000\n", "", 0},
		"the heaviest cut":              {"ab", "▁ab", 1},
		"a cut of more pieces":          {"abab", "▁|a|bab", 1},
		"words":                         {" a  b\nab ", "▁|a|▁|b|▁ab", 3},
		"unknown characters are merged": {"axxxb", "▁|a|?|b", 1},
		"also across a word":            {"xx yy", "▁|?|▁|?", 2},
		"an unknown text":               {"日本", "▁|?", 1},
		"a known one among them":        {"日船日", "▁|?|船|?", 1},
		"composed and decomposed":       {"é e\u0301", "▁|é|▁|é", 2},
		"compatibility forms":           {"ﬁ ａ", "▁|fi|▁|a", 2},
		"broken bytes":                  {"a\xff\xfe", "▁|a|?", 1},
		"a NUL":                         {"\x00", "▁|?", 1},
		"reserved ids are no text":      {"<s>", "▁|?|s>", 1},
		"the mark itself":               {"▁ab", "▁|▁ab", 1},
		"beyond the basic plane":        {"a👍b", "▁|a|?|b", 1},
		"a score of zero":               {"a:)", "▁|a|:)", 1},
		"a sum of zero gives way":       {":)", "▁|:)", 1},
		"of equals the shorter end":     {"cd", "▁|c|d", 1},
		"a piece of unknown letters":    {"gh", "▁|?", 1}, // no piece begins with h, and an unknown character has the score 0
		"half a piece":                  {"ga", "▁|?|a", 1},
	} {
		t.Run(name, func(t *testing.T) {
			var r Reading
			r.Read(v, "something longer, before it")
			r.Read(v, c.text)
			require.Equal(t, c.want, spell(v, r.IDs))
			require.Equal(t, c.words, r.Words)
			require.Equal(t, strings.Count(c.want, "?"), r.Unknown)
		})
	}
}

func spell(v *Vocabulary, ids []int32) string {
	var texts []string
	for _, id := range ids {
		if id == Unknown {
			texts = append(texts, "?")
			continue
		}
		texts = append(texts, v.All()[id].Text)
	}
	return strings.Join(texts, "|")
}

func TestNew(t *testing.T) {
	_, err := New(make([]Piece, reserved))
	require.True(t, fault.Is(err, fault.Invalid))
	_, err = New(make([]Piece, reserved+1))
	require.True(t, fault.Is(err, fault.Invalid))
	require.Contains(t, err.Error(), "piece 6 of the vocabulary is empty")
	require.Len(t, small(t).All(), small(t).Len())
}

func TestReadingNeedsNoNewMemory(t *testing.T) {
	v, text := small(t), strings.Repeat("ab a b x ", 300)
	var r Reading
	r.Read(v, text)
	require.Zero(t, testing.AllocsPerRun(10, func() { r.Read(v, text) }))
}

// FuzzRead checks that the pieces of the best split spell the text, with one character for each unknown one.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{"", " a  b", "abab", "船x", "\xff", "e\u0301ﬁ", ":) :)"} {
		f.Add(seed)
	}
	v := small(f)
	f.Fuzz(func(t *testing.T, text string) {
		var r Reading
		r.Read(v, text)
		spelled := ""
		for end := len(r.chars); end > 0; end -= int(v.length[r.last[end]]) {
			if id := r.last[end]; id == Unknown {
				spelled = string(r.chars[end-1]) + spelled
			} else {
				spelled = v.pieces[id].Text + spelled
			}
		}
		require.Equal(t, string(r.chars), spelled)
	})
}
