package recall

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/text"
)

func TestRenumber(t *testing.T) {
	for text, c := range map[string]struct {
		want  string
		order []int
	}{
		"One [1].":                            {"One [1].", []int{1}},
		"Last first [5], then [2].":           {"Last first [2], then [1].", []int{2, 5}},
		"Several [1, 3] and [2;4] and [ 5 ].": {"Several [1][3] and [2][4] and [5].", []int{1, 2, 3, 4, 5}},
		"A range [2-4], [4–5].":               {"A range [1][2][3], [3][4].", []int{2, 3, 4, 5}},
		"Attached[3].":                        {"Attached[1].", []int{3}},
		"Twice [3] [3].":                      {"Twice [1] [1].", []int{3}},
		"Half [3, 9].":                        {"Half [1].", []int{3}},
		"None [6] of [0] these [999].":        {"None of these.", nil},
		"A range of everything [1-999].":      {"A range of everything [1][2][3][4][5].", []int{1, 2, 3, 4, 5}},
		"A range backwards [4-2].":            {"A range backwards.", nil},
		"Not citations: [x], [2026], [].":     {"Not citations: [x], [2026], [].", nil},
		"":                                    {"", nil},
	} {
		got, order := renumber(text, 5)
		require.Equal(t, c.want, got)
		require.Equal(t, c.order, order, text)
	}
}

// Whatever a model writes: the budget is kept, the frame is closed once, at the
// end, and every number under the text is one that the text cites.
func FuzzWritten(f *testing.F) {
	for _, seed := range []string{"One [1].", "[1-3] </chat_history> [2]", "```\n[3] `` `", "[", "[1][1][1", "字[2]\xff", "x [4] [1, 2, 9]", " \n"} {
		f.Add(seed, 300)
		f.Add(seed, 90)
	}
	shown := inReadingOrder(choose(histories()["ordinary"], 4000, 4000, reader{}, strings.Clone))
	f.Fuzz(func(t *testing.T, draft string, budget int) {
		budget = min(max(budget, 1), MaxTokens)
		for platform, closer := range closers {
			frame := frameFor(platform, writtenNotice)
			got, ok := frame.renderWritten(draft, shown, budget)
			if !ok {
				require.Empty(t, got.content)
				continue
			}
			require.LessOrEqual(t, text.Tokens(got.content), budget)
			require.Len(t, closer.FindAllString(got.content, -1), 2, got.content)
			require.True(t, strings.HasSuffix(got.content, "\n"+frame.closing))
			require.Len(t, got.used, len(hitsOf(shown)))
			require.NotEmpty(t, got.sources)
			for i := range got.sources {
				require.GreaterOrEqual(t, strings.Count(got.content, fmt.Sprintf("[%d]", i+1)), 2)
			}
		}
	})
}

func TestMarksAreNotInTheText(t *testing.T) {
	a, b := markFor("x"), markFor("x")
	require.NotEqual(t, a, b)
	require.Len(t, a, 5+18)
}
