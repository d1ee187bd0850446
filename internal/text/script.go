package text

import (
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// class is the role of a rune in words.
type class uint8

const (
	separator  class = iota // ends a word
	spaced                  // letters, marks and digits of scripts that put spaces between words
	cjk                     // Han, kana, bopomofo: no spaces, indexed as bigrams
	hangul                  // Korean: spaces, but particles are attached to words; indexed as bigrams
	clustered               // Thai, Lao, Khmer, Burmese: no spaces, bigrams of letters with their marks
	joiner                  // connects the parts of an identifier: _ . - / : @ # +
	apostrophe              // part of the word around it
	invisible               // soft hyphen and (non-)joiners: part of the word, never of the term
	pictured                // emoji: each is a term
)

// asciiClasses has the classes of ASCII runes, the common case.
var asciiClasses = func() (t [128]class) {
	for r := range t {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
			t[r] = spaced
		}
	}
	for _, r := range "_.-/:@#+" {
		t[r] = joiner
	}
	t['\''] = apostrophe
	return t
}()

func classOf(r rune) class {
	if r < 128 {
		return asciiClasses[r]
	}
	return traitsOf(r).class()
}

// traits are what the analyzer asks about a rune: its class, and some bits.
type traits uint8

const (
	isMark  traits = 1 << 7 // a mark, which continues any run
	isInert traits = 1 << 6 // a text of such runes alone is not changed by normalising
)

func (t traits) class() class { return class(t &^ (isMark | isInert)) }

// plane is how many runes have their traits in a table. The searches in Unicode's
// tables that give them take several times as long as all the rest of the analysis.
const plane = 1 << 16

var plainTraits = sync.OnceValue(func() *[plane]traits {
	var table [plane]traits
	for r := range rune(plane) {
		table[r] = findTraits(r)
	}
	return &table
})

func traitsOf(r rune) traits {
	if r >= 0 && r < plane {
		return plainTraits()[r]
	}
	return findTraits(r)
}

func findTraits(r rune) traits {
	t := traits(findClass(r))
	if unicode.Is(unicode.M, r) {
		t |= isMark
	}
	s := string(r)
	if visible(r) == r && norm.NFKC.IsNormalString(s) && norm.NFKC.PropertiesString(s).BoundaryBefore() {
		t |= isInert
	}
	return t
}

func findClass(r rune) class {
	if r < 128 {
		return asciiClasses[r]
	}
	switch r {
	case '\u2019', '\u02BC', '\uFF07':
		return apostrophe
	case '\u00AD', '\u200C', '\u200D':
		return invisible
	case '\uFFFD':
		return separator
	}
	if isEmoji(r) {
		return pictured
	}
	if !unicode.In(r, unicode.L, unicode.M, unicode.N) {
		return separator
	}
	switch {
	case r < 0x0E00:
		return spaced
	case r <= 0x0EFF, r >= 0x1000 && r <= 0x109F, r >= 0x1780 && r <= 0x17FF:
		return clustered
	case isHangul(r):
		return hangul
	case isCJK(r):
		return cjk
	}
	return spaced
}

// isEmoji reports whether a rune is a symbol of the blocks that have emoji. Arrows, lines of tables and signs of
// mathematics are not.
func isEmoji(r rune) bool {
	return (r >= 0x2600 && r <= 0x27BF || r >= 0x2B00 && r <= 0x2BFF || r >= 0x1F000 && r <= 0x1FAFF) && unicode.Is(unicode.So, r)
}

func isHangul(r rune) bool {
	return r >= 0x1100 && r <= 0x11FF || r >= 0x3130 && r <= 0x318F || r >= 0xA960 && r <= 0xA97F ||
		r >= 0xAC00 && r <= 0xD7FF || r >= 0xFFA0 && r <= 0xFFDC
}

func isCJK(r rune) bool {
	return r >= 0x2E80 && r <= 0x2FDF || r >= 0x3005 && r <= 0x312F || r >= 0x31A0 && r <= 0x31FF ||
		r >= 0x3400 && r <= 0x4DBF || r >= 0x4E00 && r <= 0x9FFF || r >= 0xF900 && r <= 0xFAFF ||
		r >= 0xFF66 && r <= 0xFF9F || r >= 0x1AFF0 && r <= 0x1B16F || r >= 0x20000 && r <= 0x3FFFF
}

// alphabet decides how a word is stemmed.
type alphabet uint8

const (
	otherAlphabet alphabet = iota
	latin
	cyrillic
	arabic
	plainMarks // Greek, Hebrew: readers treat marks as optional; no stemmer
)

// alphabetOf returns the alphabet of the first letter, because words rarely mix
// alphabets.
func alphabetOf(word string) alphabet {
	for _, r := range word {
		switch {
		case r >= 'a' && r <= 'z', r >= 0xC0 && r < 0x250, r >= 0x1E00 && r < 0x1F00:
			return latin
		case r < 0x250:
			continue
		case r >= 0x400 && r < 0x530:
			return cyrillic
		case r >= 0x600 && r < 0x700 && unicode.IsLetter(r):
			return arabic
		case r >= 0x370 && r < 0x400, r >= 0x590 && r < 0x600, r >= 0x1F00 && r < 0x2000:
			return plainMarks
		}
	}
	return otherAlphabet
}
