package builtin

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"github.com/lethe-chat/lethe/internal/embed/builtin/matrix"
	"github.com/lethe-chat/lethe/internal/embed/builtin/pieces"
)

// Any text can be divided into pieces of the real vocabulary, and these pieces spell the text.
func FuzzPieces(f *testing.F) {
	for _, seed := range []string{"", " a  b ", "The ferry to Tunø", "船は九時", "\xff", "e\u0301", "see :30 and :00 :)", "ﬁ ㎞ …", "▁", "👍🏽"} {
		f.Add(seed)
	}
	m, err := load(matrix.Portable())
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1000 {
			text = text[:1000] // the expression below is slow
		}
		var r pieces.Reading
		r.Read(m.vocabulary, text)
		words := strings.Fields(string([]rune(norm.NFKC.String(text)))) // invalid bytes become U+FFFD
		require.Equal(t, len(words), r.Words)
		unknown, spelled := 0, "(?s)^"
		for _, id := range r.IDs {
			if id == pieces.Unknown {
				unknown++
				spelled += ".+"
				continue
			}
			spelled += regexp.QuoteMeta(m.vocabulary.All()[id].Text)
		}
		require.Equal(t, unknown, r.Unknown)
		normal := ""
		for _, word := range words {
			normal += "\u2581" + word
		}
		require.Regexp(t, regexp.MustCompile(spelled+"$"), normal)
	})
}
