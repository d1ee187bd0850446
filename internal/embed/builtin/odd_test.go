package builtin

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/embed/builtin/encoder"
	"github.com/lethe-chat/lethe/internal/embed/builtin/matrix"
	"github.com/lethe-chat/lethe/internal/embed/builtin/pieces"
)

// odd returns texts without words, each as long as a passage.
func odd() map[string]string {
	const runes = 1200
	list := map[string]string{}
	for name, part := range map[string]string{
		"quotation marks": `"`, "quotation marks apart": `" `, "apostrophes": "'", "stops": ".", "dashes": "-", "blanks and dashes": "- ",
		"digits": "7", "digits apart": "7 ", "brackets": "[]", "letters apart": "q ", "commas": ", ", "slashes": "/", "mixed": `"-.[}7`,
		"capitals": "QXZ", "marks": "\u0301", "pictures": "👍", "half": `word " ' " ' " `,
	} {
		list[name] = strings.Repeat(part, runes/len([]rune(part)))
	}
	return list
}

const sentence = "The children were running along the shores of the lakes, and nobody's boats had been tied well. "

// The time depends on the number of windows. A text that the model reads has at most three times as many windows as
// prose of the same length. Texts that would have more are not read.
func TestNothingTakesLongerThanProse(t *testing.T) {
	m, err := load(matrix.Portable())
	require.NoError(t, err)
	var r pieces.Reading
	var g gate
	windows := func(text string) int {
		if r.Read(m.vocabulary, text); !g.admits(m.vocabulary, text, &r) {
			return 0
		}
		return (len(r.IDs) + encoder.MaxPieces - 1) / encoder.MaxPieces
	}
	for _, length := range []int{1, 8} {
		most := 3 * windows(strings.Repeat(sentence, length*1200/len(sentence)))
		require.Positive(t, most)
		for name, text := range odd() {
			require.LessOrEqual(t, windows(strings.Repeat(text, length)), most+1, name)
		}
	}
}

// BenchmarkOdd compares these texts with prose: go test -bench Odd.
func BenchmarkOdd(b *testing.B) {
	e := New()
	texts := odd()
	texts["prose"] = strings.Repeat(sentence, 1200/len(sentence))
	for name, text := range texts {
		b.Run(strings.ReplaceAll(name, " ", "_"), func(b *testing.B) {
			for b.Loop() {
				if _, err := e.Embed(b.Context(), []string{text}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
