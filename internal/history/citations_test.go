package history

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRenumbered(t *testing.T) {
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
		got, order := renumbered(text, 5)
		require.Equal(t, c.want, got)
		require.Equal(t, c.order, order, text)
	}
}

func TestMarksAreNotInTheText(t *testing.T) {
	a, b := markFor("x"), markFor("x")
	require.NotEqual(t, a, b)
	require.Len(t, a, 5+18)
}
