package builtin

import "github.com/lethe-chat/lethe/internal/embed/builtin/pieces"

// An English model also returns vectors for other languages, but they mean nothing
// and would rank above real matches. The way a text splits into pieces shows
// whether the model can read it. Measured: at most 2.2% of the pieces of English
// text are unknown, and 99 of 100 English texts need at most 2.0 pieces per word.
// Russian, Japanese and Korean have 34 to 50% unknown pieces. German, Spanish and
// French have no unknown pieces but need 2.3 to 2.5 pieces per word.
const (
	mostUnknown       = 0.10 // of all pieces
	mostPiecesAWord   = 2.0
	fewestWordsToTell = 8 // a shorter text may be a single name, which has no language

	// Text without words, such as a run of quotation marks, becomes one piece per character, and would take much
	// longer than prose of the same length. A piece of English has 4.5 characters on average, with white space, and
	// at least two for the shortest words.
	fewestRunesAPiece  = 2
	fewestPiecesToTell = 48
)

// readable reports whether the model can read a text.
func readable(r pieces.Reading) bool {
	n := float64(len(r.IDs))
	switch {
	case len(r.IDs) == 0:
		return false
	case float64(r.Unknown) > mostUnknown*n:
		return false
	case len(r.IDs) >= fewestPiecesToTell && fewestRunesAPiece*len(r.IDs) > r.Runes:
		return false
	case r.Words >= fewestWordsToTell && n > mostPiecesAWord*float64(r.Words):
		return false
	}
	return true
}
