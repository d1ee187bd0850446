package text

import (
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/snowballstem"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// MaxTermRunes is the maximum length of a term. Longer words are cut, so that a long
// hash or token in a query still matches the same one in a document.
const MaxTermRunes = 64

// Terms returns the terms of a text, in order and with repeats. Documents and queries
// are analyzed in the same way.
//
// A term consists of letters (no ASCII capitals), marks and digits; in identifiers also
// of _ . - / : @ # +. It has 1 to MaxTermRunes runes and contains no white space, quote
// or control character, so terms that are joined by spaces survive any simple
// tokenizer.
//
//   - Words are normalized (NFKC), case-folded and stemmed. Function words are removed.
//   - A word in the Latin alphabet always yields the English stem of its form without
//     accents. In a text that is recognized as another language it also yields the stem
//     of that language, if that is different. So a query that is too short to be
//     recognized matches a document in any language, and a longer query also matches
//     every inflection. Cyrillic words yield Russian stems and Arabic words Arabic stems.
//   - An identifier (user_id, v1.2.3, api/chat-history) yields itself in lower case,
//     without the punctuation around it, and its parts. The same is true of getUserName
//     and gpt4.
//   - Chinese and Japanese yield bigrams of characters, and each Han character that may
//     be a word. Korean yields bigrams, and a noun of one syllable before a particle.
//     Thai, Lao, Khmer and Burmese yield bigrams of letters with their marks.
//   - An emoji yields its code point (u+1f382). The control sequences of terminals yield nothing.
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

// analysis is one analysis of one text.
type analysis struct {
	lang   language
	terms  []string
	spans  []byteSpan // the place of each term, if places are wanted
	places bool
	whole  bool // all terms come from one rewritten piece, so the place of each is the whole piece
	piece  byteSpan
	env    *snowballstem.Env
	fold   cases.Caser
	parts  []byteSpan
	known  map[string][]knownTerm // by the word, of this text
}

// byteSpan is a range of bytes of the text.
type byteSpan struct{ start, end int }

// The pool saves allocating a stemmer and a slice of terms for each text. It contains no text.
var analyses = sync.Pool{New: func() any {
	return &analysis{env: snowballstem.NewEnv(""), fold: cases.Fold(), known: map[string][]knownTerm{}}
}}

func newAnalysis(text string, places bool) *analysis {
	a := analyses.Get().(*analysis)
	a.lang, a.places, a.whole = detect(text), places, false
	a.terms, a.spans = a.terms[:0], a.spans[:0]
	return a
}

// release returns the analysis to the pool without references to the text.
func (a *analysis) release() {
	clear(a.terms)
	clear(a.known)
	a.env.SetCurrent("")
	if cap(a.terms) <= 1<<16 {
		analyses.Put(a)
	}
}

// emit adds a term whose place is start..end in the text being scanned.
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

// maxWord is how many bytes of a word are read. The term of a word has at most MaxTermRunes runes, and some
// characters stand for a whole phrase.
const maxWord = 1 << 10

// head is the beginning of a word that decides its term.
func head(word string) string {
	if len(word) <= maxWord {
		return word
	}
	end := maxWord
	for end > 0 && !utf8.RuneStart(word[end]) {
		end--
	}
	return word[:end]
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

// scan emits the terms of text. base is the offset of text in the whole text.
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
		case pictured:
			a.picture(r, text[i:i+size], base+i)
			i += size + modifiers(text[i+size:])
		default:
			i += max(size, ControlSequence(text[i:]))
		}
	}
}

// picture emits the term of an emoji: its code point, in ASCII, because the full-text indexes know no symbols. A row of
// the same emoji is one term.
func (a *analysis) picture(r rune, raw string, start int) {
	term := ""
	if known := a.known[raw]; len(known) > 0 {
		term = known[0].term
	} else {
		term = "u+" + strconv.FormatInt(int64(r), 16)
	}
	if n := len(a.terms); n > 0 && a.terms[n-1] == term {
		return
	}
	a.emit(term, start, start+len(raw))
	if _, ok := a.known[raw]; !ok && !a.whole {
		a.learn(raw, start, len(a.terms)-1)
	}
}

// modifiers returns the length of what may follow an emoji and makes no other of it: the colour of a skin, the selector
// of its form, and joiners.
func modifiers(text string) (n int) {
	for n < len(text) {
		r, size := decode(text[n:])
		if !unicode.Is(unicode.M, r) && r != '\u200d' && !(r >= 0x1F3FB && r <= 0x1F3FF) {
			break
		}
		n += size
	}
	return n
}

// ControlSequence returns the length of the control sequence for a terminal that a text begins with, such as that of a
// colour (ESC [ 1 m), or 0. Its letters are not part of the word that follows.
func ControlSequence(text string) int {
	rest, ok := strings.CutPrefix(text, "\x1b[")
	if !ok {
		if rest, ok = strings.CutPrefix(text, "\u009b"); !ok {
			return 0
		}
	}
	n := 0
	for n < len(rest) && n < maxParameters && rest[n] >= ' ' && rest[n] <= '?' {
		n++
	}
	if n == len(rest) || rest[n] < '@' || rest[n] > '~' {
		return 0
	}
	return len(text) - len(rest) + n + 1
}

// maxParameters is how many bytes a control sequence may have before its last letter.
const maxParameters = 32

func decode(s string) (rune, int) {
	if s[0] < utf8.RuneSelf {
		return rune(s[0]), 1
	}
	return utf8.DecodeRuneInString(s)
}

// wordEnd returns the end of the word whose first rune is before i. Joiners, apostrophes
// and invisible runes belong to the word if another word rune follows.
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

// joinerLen returns the length of the joiner at the start of s: one rune of the given
// size, or :: or ://.
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

// runEnd returns the end of a run of one class. Marks continue any run.
func runEnd(text string, i int, c class) int {
	for i < len(text) {
		r, size := decode(text[i:])
		if t := traitsOf(r); t.class() != c && t&isMark == 0 {
			break
		}
		i += size
	}
	return i
}

// mostGrowth is how many times longer normalization may make a piece. Some characters
// expand to whole phrases, but a long run of them is not text.
const mostGrowth = 3

// rewritten handles a piece that normalization changes: it emits the terms of the
// normalized text, and the place of each is the whole piece. It reports whether it
// handled the piece.
func (a *analysis) rewritten(piece string, start int) bool {
	if a.whole || isASCII(piece) || inert(piece) {
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

// inert reports quickly that normalising certainly changes nothing.
func inert(piece string) bool {
	for _, r := range piece {
		if traitsOf(r)&isInert == 0 {
			return false
		}
	}
	return true
}

func visible(r rune) rune {
	switch findClass(r) {
	case invisible:
		return -1
	case apostrophe:
		return '\''
	}
	return digit(r)
}

// decimalZeros are the zeros of common non-ASCII digits: Arabic, Persian, Devanagari,
// Bengali, Thai. The other nine digits follow each zero.
var decimalZeros = [...]rune{0x660, 0x6F0, 0x966, 0x9E6, 0xE50}

func digit(r rune) rune {
	for _, zero := range decimalZeros {
		if r >= zero && r < zero+10 {
			return '0' + r - zero
		}
	}
	return r
}

// word emits the terms of a word or an identifier that begins at start. It caches the terms of words beyond ASCII,
// because normalising and folding one takes ten times as long as a look-up.
func (a *analysis) word(raw string, start int) {
	if a.whole || len(raw) > maxKnown || isASCII(raw) {
		a.analyse(raw, start)
		return
	}
	if terms, ok := a.known[raw]; ok {
		for _, k := range terms {
			a.emit(k.term, start+k.start, start+k.end)
		}
		return
	}
	first := len(a.terms)
	a.analyse(raw, start)
	a.learn(raw, start, first)
}

func (a *analysis) analyse(raw string, start int) {
	if len(raw) <= maxWord && a.rewritten(raw, start) { // the parts of a longer one are normalised one by one
		return
	}
	parts := a.split(raw)
	if len(parts) == 1 {
		a.simple(raw, start)
		return
	}
	if !strings.Contains(raw, "'") { // a word like mother-in-law's needs only its parts
		a.emit(a.folded(head(raw)), start, start+len(raw))
	}
	for _, p := range parts {
		a.simple(raw[p.start:p.end], start+p.start)
	}
}

// How long a word may be whose terms are remembered, and how many words are.
const (
	maxKnown      = 64
	maxKnownWords = 1 << 10
)

// knownTerm is a term of a word, and its place in the word.
type knownTerm struct {
	term string
	byteSpan
}

// learn remembers the terms from first on, which are those of a word at start.
func (a *analysis) learn(raw string, start, first int) {
	if len(a.known) >= maxKnownWords {
		clear(a.known)
	}
	terms := make([]knownTerm, len(a.terms)-first)
	for i := range terms {
		terms[i].term = a.terms[first+i]
		if a.places {
			span := a.spans[first+i]
			terms[i].byteSpan = byteSpan{span.start - start, span.end - start}
		}
	}
	a.known[raw] = terms
}

// split returns the parts of an identifier between its joiners. A word has one part.
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
		if len(a.parts) == 1 { // c++ is not the same as its only part
			a.parts = append(a.parts, byteSpan{0, 0})
		}
		return a.parts
	}
	return append(a.parts, byteSpan{0, len(raw)})
}

// simple emits a word without joiners. If the word is a camelCase name or mixes letters
// and digits it also emits the parts between the humps.
func (a *analysis) simple(word string, start int) {
	if word == "" {
		return
	}
	a.emitWord(a.folded(head(word)), start, start+len(word))
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

// maxHumps is how many inner humps a name may have. A word with more humps is a hash or
// encoded data.
const maxHumps = 6

// humps counts the inner humps of a word, up to maxHumps + 1. Only ASCII words are split
// at humps, because capitals follow other rules elsewhere.
func humps(word string) int {
	n := 0
	for i := 1; i < len(word) && n <= maxHumps; i++ {
		if isHump(word, i) {
			n++
		}
	}
	return n
}

// isHump reports whether a part of a name begins at byte i > 0: in aB, at the last
// capital of ABc, in ab1 and in 1a, but not in a1, which is a version or a cell.
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

// kindOf returns 'a' for a small letter, 'A' for a capital, '1' for a digit, else other.
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

// emitWord emits a case-folded word that may contain apostrophes.
func (a *analysis) emitWord(word string, start, end int) {
	// It's, l'amour, O'Brien: the parts are emitted separately, and elided articles and
	// verbs are removed as function words.
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
