package builtin

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/lethe-chat/lethe/internal/embed/builtin/pieces"
)

// An English model also returns vectors for other languages, but they mean nothing and would rank above real matches.
// The way the words of a text split into pieces shows whether the model can read it: the vocabulary has most English
// words as one piece, and cuts the words of other languages into several.
//
// Markdown, digits, units and code take many pieces in every language. So only words of 2 to 15 letters are counted,
// in lower case and without what stands around them, and identifiers such as getUserName by their words. Of the 200
// passages in testdata/english.txt, by which the limits were chosen, 193 need at most 1.9 pieces a word; German, French, Spanish,
// Italian, Dutch, Portuguese and Swedish need 1.9 to 3.4, and Polish more. Russian, Japanese and Korean have 34 to 50%
// unknown pieces.
const (
	mostUnknown        = 0.10 // of the pieces of the words
	mostPiecesAWord    = 1.9
	shortestWord       = 2 // letters of a word that is counted
	longestWord        = 15
	fewestWordsToTell  = 8   // a shorter text may be a single name, which has no language
	mostPiecesAtAll    = 2.2 // of English with many names and terms
	leastOfEnglishOnly = 0.03

	// Text without words, such as a run of quotation marks, becomes one piece per character, and would take much
	// longer than prose of the same length. A piece of English has 4.5 characters on average, with white space, and
	// one of code or tables at least 1.7.
	fewestRunesAPiece  = 1.5
	fewestPiecesToTell = 48
)

// englishOnly are frequent words of English that the languages above do not have. A text with some of them is English,
// even if it has many names.
var englishOnly = map[string]bool{
	"the": true, "and": true, "with": true, "from": true, "this": true, "that": true, "these": true, "your": true, "you": true,
	"are": true, "when": true, "which": true, "it": true, "they": true, "before": true, "after": true,
}

// gate decides which texts the model can read. It can be reused for text after text, by one
// goroutine at a time.
type gate struct {
	normal  []byte // the text in the model's normal form
	words   []byte // its words, in lower case, a blank before each
	letters []int  // of each word
	english int    // how many of the counted words are English only
	reading pieces.Reading
}

// admits reports whether the model can read a text. whole is the text as the model reads it.
func (g *gate) admits(v *pieces.Vocabulary, text string, whole *pieces.Reading) bool {
	if len(whole.IDs) == 0 || len(whole.IDs) >= fewestPiecesToTell && fewestRunesAPiece*float64(len(whole.IDs)) > float64(whole.Runes) {
		return false
	}
	g.split(text)
	g.reading.Read(v, string(g.words))
	if len(g.letters) == 0 || float64(g.reading.Unknown) > mostUnknown*float64(len(g.reading.IDs)) {
		return false
	}
	counted, cut := g.count(v)
	if counted < fewestWordsToTell {
		return true
	}
	most := mostPiecesAWord
	if float64(g.english) >= leastOfEnglishOnly*float64(counted) {
		most = mostPiecesAtAll
	}
	return float64(cut) <= most*float64(counted)
}

// count returns the number of the words that count and of their pieces.
func (g *gate) count(v *pieces.Vocabulary) (words, cut int) {
	rest := g.reading.IDs
	for _, letters := range g.letters {
		var word []int32
		word, rest = firstWord(v, rest)
		if letters >= shortestWord && letters <= longestWord {
			words, cut = words+1, cut+len(word)
		}
	}
	return words, cut
}

// split finds the words of a text. A word is a run of letters, and ends before a capital that
// follows a small letter.
func (g *gate) split(text string) {
	g.words, g.letters, g.english = g.words[:0], g.letters[:0], 0
	start, small := -1, false // where the current word begins in g.words
	end := func() {
		if start >= 0 && englishOnly[string(g.words[start:])] {
			g.english++
		}
		start = -1
	}
	g.normal = norm.NFKC.AppendString(g.normal[:0], text)
	for rest := g.normal; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		rest = rest[size:]
		if !unicode.IsLetter(r) && (start < 0 || !unicode.IsMark(r)) {
			end()
			small = false
			continue
		}
		if start >= 0 && small && unicode.IsUpper(r) {
			end()
		}
		if start < 0 {
			g.words = append(g.words, ' ')
			start, g.letters = len(g.words), append(g.letters, 0)
		}
		g.words = utf8.AppendRune(g.words, unicode.ToLower(r))
		g.letters[len(g.letters)-1]++
		small = unicode.IsLower(r)
	}
	end()
}
