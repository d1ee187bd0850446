package text

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/snowballstem"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// MaxTermRunes is the length of the longest term. Longer ones are cut to it, so
// that a hash or a token that somebody pastes still finds itself.
const MaxTermRunes = 64

// Terms turns a text into the terms that it is found by, in order and with
// repeats. Documents and queries go through it alike.
//
// A term consists of letters without ASCII capitals, marks and digits, and in
// identifiers also of _ . - / : @ # +. It has 1 to MaxTermRunes runes and never a
// blank, quote or control character, so terms joined by blanks survive any plain
// tokenizer.
//
//   - Words are normalised (NFKC), case-folded, and stemmed. Function words go.
//   - Words of the Latin alphabet always yield the English stem of their form
//     without accents. In a text that is recognised as another language they also
//     yield that language's stem where it differs. A query too short to recognise
//     thus meets a document in any language, and a longer one meets it in every
//     inflection. Cyrillic words take Russian stems and Arabic ones Arabic stems.
//   - Identifiers (user_id, v1.2.3, api/chat-history) yield themselves in lower
//     case, without the punctuation around them, and their parts; so do getUserName
//     and gpt4.
//   - Chinese and Japanese yield bigrams of characters, and each Han character
//     that is not grammar, as it may be a word; Korean yields bigrams, and the noun
//     of one syllable before a particle; Thai, Lao, Khmer and Burmese yield bigrams
//     of letters with their marks.
func Terms(text string) []string {
	a := newAnalysis(text, false)
	defer a.release()
	for start, end := range Words(text) {
		a.scan(text[start:end], start)
	}
	terms := make([]string, len(a.terms))
	copy(terms, a.terms)
	return terms
}

// analysis is one run over one text.
type analysis struct {
	lang   language
	terms  []string
	spans  []byteSpan // where each term stands, when places are wanted
	places bool
	whole  bool // terms come from a rewritten piece: each stands for all of it
	piece  byteSpan
	env    *snowballstem.Env
	fold   cases.Caser
	parts  []byteSpan
}

// byteSpan is a range of bytes of the text.
type byteSpan struct{ start, end int }

// The pool saves a stemmer and the term slice a text; it holds no text.
var analyses = sync.Pool{New: func() any {
	return &analysis{env: snowballstem.NewEnv(""), fold: cases.Fold()}
}}

func newAnalysis(text string, places bool) *analysis {
	a := analyses.Get().(*analysis)
	a.lang, a.places, a.whole = detect(text), places, false
	a.terms, a.spans = a.terms[:0], a.spans[:0]
	return a
}

// release gives the analysis back without the text that its terms point into.
func (a *analysis) release() {
	clear(a.terms)
	a.env.SetCurrent("")
	if cap(a.terms) <= 1<<16 {
		analyses.Put(a)
	}
}

// emit adds a term that stands at start..end of the text being scanned.
func (a *analysis) emit(term string, start, end int) {
	if term == "" {
		return
	}
	a.terms = append(a.terms, cutTerm(term))
	if !a.places {
		return
	}
	if a.whole {
		a.spans = append(a.spans, a.piece)
		return
	}
	a.spans = append(a.spans, byteSpan{start, end})
}

func cutTerm(term string) string {
	if len(term) <= MaxTermRunes {
		return term
	}
	n := 0
	for i := range term {
		if n == MaxTermRunes {
			return term[:i]
		}
		n++
	}
	return term
}

// scan emits the terms of text. base is where text begins in the whole.
func (a *analysis) scan(text string, base int) {
	for i := 0; i < len(text); {
		r, size := decode(text[i:])
		c := classOf(r)
		switch c {
		case spaced:
			end := wordEnd(text, i+size)
			a.word(text[i:end], base+i)
			i = end
		case cjk, hangul, clustered:
			end := runEnd(text, i+size, c)
			a.run(text[i:end], base+i, c)
			i = end
		default:
			i += size
		}
	}
}

func decode(s string) (rune, int) {
	if s[0] < utf8.RuneSelf {
		return rune(s[0]), 1
	}
	return utf8.DecodeRuneInString(s)
}

// wordEnd returns where the word ends whose first rune lies before i. Joiners,
// apostrophes and invisible runes belong to it when another word rune follows.
func wordEnd(text string, i int) int {
	start := i
	for i < len(text) {
		r, size := decode(text[i:])
		switch classOf(r) {
		case spaced:
			i += size
			continue
		case joiner, apostrophe, invisible:
			if next := i + joinerLen(text[i:], size); startsWord(text, next) {
				i = next
				continue
			}
		}
		break
	}
	if i-start <= 1 { // c++, c#, f#: short enough not to be arithmetic or a heading
		for _, tail := range []string{"++", "#"} {
			if strings.HasPrefix(text[i:], tail) && !startsWord(text, i+len(tail)) {
				return i + len(tail)
			}
		}
	}
	return i
}

// joinerLen is the length of the joint that s begins with: one rune of the given
// size, or one of the two that are longer, :: and ://.
func joinerLen(s string, size int) int {
	switch {
	case strings.HasPrefix(s, "://"):
		return 3
	case strings.HasPrefix(s, "::"):
		return 2
	}
	return size
}

func startsWord(text string, i int) bool {
	if i >= len(text) {
		return false
	}
	r, _ := decode(text[i:])
	return classOf(r) == spaced
}

// runEnd returns where a run of one class ends; marks continue any run.
func runEnd(text string, i int, c class) int {
	for i < len(text) {
		r, size := decode(text[i:])
		if classOf(r) != c && !unicode.Is(unicode.M, r) {
			break
		}
		i += size
	}
	return i
}

// mostGrowth is how many times longer normalising may make a piece. There are
// characters that stand for whole phrases; a long run of them is no text.
const mostGrowth = 3

// rewritten handles a piece that normalising changes: its terms are those of the
// normalised text, and each stands for the whole piece. It reports whether it did.
func (a *analysis) rewritten(piece string, start int) bool {
	if a.whole || isASCII(piece) {
		return false
	}
	plain := norm.NFKC.String(strings.Map(visible, piece))
	if plain == piece || len(plain) > mostGrowth*len(piece)+MaxTermRunes {
		return false
	}
	a.whole, a.piece = true, byteSpan{start, start + len(piece)}
	a.scan(plain, 0)
	a.whole = false
	return true
}

func visible(r rune) rune {
	switch classOf(r) {
	case invisible:
		return -1
	case apostrophe:
		return '\''
	}
	return digit(r)
}

// decimalZeros are the zeros of the digits that people type besides the ASCII
// ones: Arabic, Persian, Devanagari, Bengali, Thai. Their nine successors follow.
var decimalZeros = [...]rune{0x660, 0x6F0, 0x966, 0x9E6, 0xE50}

func digit(r rune) rune {
	for _, zero := range decimalZeros {
		if r >= zero && r < zero+10 {
			return '0' + r - zero
		}
	}
	return r
}

// word emits the terms of a word or an identifier that begins at start.
func (a *analysis) word(raw string, start int) {
	if a.rewritten(raw, start) {
		return
	}
	parts := a.split(raw)
	if len(parts) == 1 {
		a.simple(raw, start)
		return
	}
	if !strings.Contains(raw, "'") { // mother-in-law's: prose, its parts will do
		a.emit(a.folded(raw), start, start+len(raw))
	}
	for _, p := range parts {
		a.simple(raw[p.start:p.end], start+p.start)
	}
}

// split returns the parts of an identifier between its joiners; a word has one.
func (a *analysis) split(raw string) []byteSpan {
	a.parts = a.parts[:0]
	start := 0
	for i := range len(raw) {
		if raw[i] < utf8.RuneSelf && asciiClasses[raw[i]] == joiner {
			if i > start {
				a.parts = append(a.parts, byteSpan{start, i})
			}
			start = i + 1
		}
	}
	if start > 0 {
		if start < len(raw) {
			a.parts = append(a.parts, byteSpan{start, len(raw)})
		}
		if len(a.parts) == 1 { // c++: not the same as its only part
			a.parts = append(a.parts, byteSpan{0, 0})
		}
		return a.parts
	}
	return append(a.parts, byteSpan{0, len(raw)})
}

// simple emits a word without joiners, and its humps when it is a camelCase name
// or mixes letters and digits.
func (a *analysis) simple(word string, start int) {
	if word == "" {
		return
	}
	a.emitWord(a.folded(word), start, start+len(word))
	if n := humps(word); n == 0 || n > maxHumps || !isASCII(word) {
		return
	}
	from := 0
	for at := range word {
		if at > 0 && isHump(word, at) {
			a.emitWord(a.folded(word[from:at]), start+from, start+at)
			from = at
		}
	}
	a.emitWord(a.folded(word[from:]), start+from, start+len(word))
}

// maxHumps is how many inner humps a name may have. What has more is a hash or
// encoded data.
const maxHumps = 6

// humps counts the inner humps of a word, up to one more than maxHumps. Only
// ASCII words are split at them: the capitals of others follow other rules.
func humps(word string) int {
	n := 0
	for i := 1; i < len(word) && n <= maxHumps; i++ {
		if isHump(word, i) {
			n++
		}
	}
	return n
}

// isHump reports whether a part of a name begins at byte i > 0: aB, the last
// capital of ABc, ab1 and 1a, but not a1, which is a version or a cell.
func isHump(word string, i int) bool {
	before, at := kindOf(word[i-1]), kindOf(word[i])
	switch {
	case before == other || at == other:
		return false
	case before == at:
		return at == 'A' && i+1 < len(word) && kindOf(word[i+1]) == 'a'
	case before == 'A' && at == 'a':
		return false
	case at == '1':
		return i > 1
	}
	return at == 'A' || before == '1'
}

const other = 0

// kindOf tells small letters, capitals, digits and the rest apart.
func kindOf(b byte) byte {
	switch {
	case b >= 'a' && b <= 'z':
		return 'a'
	case b >= 'A' && b <= 'Z':
		return 'A'
	case b >= '0' && b <= '9':
		return '1'
	}
	return other
}

func (a *analysis) folded(word string) string {
	if isASCII(word) {
		return strings.ToLower(word)
	}
	return norm.NFKC.String(a.fold.String(word))
}

// emitWord emits a case-folded word that may hold apostrophes.
func (a *analysis) emitWord(word string, start, end int) {
	// It's, l'amour, O'Brien: elided articles and verbs are function words.
	for at := strings.IndexByte(word, '\''); at >= 0; at = strings.IndexByte(word, '\'') {
		a.emitPlain(word[:at], start, end)
		word = word[at+1:]
	}
	a.emitPlain(word, start, end)
}

// emitPlain emits a case-folded word of letters, marks and digits.
func (a *analysis) emitPlain(word string, start, end int) {
	if len(word) > MaxTermRunes {
		a.emit(word, start, end)
		return
	}
	switch alphabetOf(word) {
	case latin:
		a.emitLatin(word, start, end)
	case cyrillic:
		if word = plainCyrillic(word); !russianStop[word] {
			a.emit(a.stem(word, russianStem), start, end)
		}
	case arabic:
		if word = plainArabic(word); !arabicStop[word] {
			a.emit(a.stem(word, arabicStem), start, end)
		}
	case plainMarks:
		a.emit(bare(word), start, end)
	default:
		a.emit(word, start, end)
	}
}

func (a *analysis) emitLatin(word string, start, end int) {
	plain := bare(word)
	if stops[plain]&(1<<english) != 0 {
		return
	}
	if a.lang != english && stops[word]&(1<<a.lang) != 0 {
		return
	}
	base, ok := irregular[plain]
	if !ok {
		base = plain
	}
	stem := a.stem(base, stemmers[english])
	a.emit(stem, start, end)
	if a.lang == english {
		return
	}
	if own := bare(a.stem(word, stemmers[a.lang])); own != stem {
		a.emit(own, start, end)
	}
}
