package builtin

import "github.com/lethe-chat/lethe/internal/embed/builtin/pieces"

// A model of English gives texts of other languages vectors too, which are all
// alike or mean nothing, and would stand before what really fits. What it cannot
// read is seen by how it falls into pieces. Measured: of English at most 2.2% of
// the pieces are unknown, and 99 texts of 100 have at most 2.0 pieces a word;
// Russian, Japanese and Korean have 34 to 50% unknown pieces; German, Spanish and
// French know all pieces, but need 2.3 to 2.5 a word.
const (
	mostUnknown       = 0.10 // of all pieces
	mostPiecesAWord   = 2.0
	fewestWordsToTell = 8 // a short text may be one name and say nothing of its language
)

// readable reports whether the model can make sense of a text.
func readable(r pieces.Reading) bool {
	n := float64(len(r.IDs))
	switch {
	case len(r.IDs) == 0:
		return false
	case float64(r.Unknown) > mostUnknown*n:
		return false
	case r.Words >= fewestWordsToTell && n > mostPiecesAWord*float64(r.Words):
		return false
	}
	return true
}
