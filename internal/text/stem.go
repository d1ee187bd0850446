package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/snowballstem"
	snowarabic "github.com/blevesearch/snowballstem/arabic"
	snowdanish "github.com/blevesearch/snowballstem/danish"
	snowdutch "github.com/blevesearch/snowballstem/dutch"
	snowenglish "github.com/blevesearch/snowballstem/english"
	snowfinnish "github.com/blevesearch/snowballstem/finnish"
	snowfrench "github.com/blevesearch/snowballstem/french"
	snowgerman "github.com/blevesearch/snowballstem/german"
	snowitalian "github.com/blevesearch/snowballstem/italian"
	snownorwegian "github.com/blevesearch/snowballstem/norwegian"
	snowportuguese "github.com/blevesearch/snowballstem/portuguese"
	snowrussian "github.com/blevesearch/snowballstem/russian"
	snowspanish "github.com/blevesearch/snowballstem/spanish"
	snowswedish "github.com/blevesearch/snowballstem/swedish"
	snowturkish "github.com/blevesearch/snowballstem/turkish"
	"golang.org/x/text/unicode/norm"
)

var stemmers = [languages]func(*snowballstem.Env) bool{
	english: snowenglish.Stem, german: snowgerman.Stem, french: snowfrench.Stem, spanish: snowspanish.Stem,
	italian: snowitalian.Stem, portuguese: snowportuguese.Stem, dutch: snowdutch.Stem, swedish: snowswedish.Stem,
	danish: snowdanish.Stem, norwegian: snownorwegian.Stem, finnish: snowfinnish.Stem, turkish: snowturkish.Stem,
}

// The stemmers of alphabets that are taken to be of one language.
var (
	russianStem = snowrussian.Stem
	arabicStem  = snowarabic.Stem
)

func (a *analysis) stem(word string, by func(*snowballstem.Env) bool) string {
	a.env.SetCurrent(word)
	by(a.env)
	if stem := a.env.Current(); stem != "" {
		return stem
	}
	return word
}

// detectBytes is how many bytes of a text are used to detect its language.
const detectBytes = 2000

// detect guesses the language of a text in the Latin alphabet from its function words.
// It returns English unless another language has at least two function words, more than
// English has, and at least one in ten words.
func detect(text string) language {
	if len(text) > detectBytes {
		text = text[:detectBytes]
	}
	var votes [languages]int
	words := 0
	var buf [32]byte
	for i := 0; i < len(text); {
		n := 0
		for i < len(text) {
			r, size := rune(text[i]), 1
			if r >= utf8.RuneSelf {
				r, size = utf8.DecodeRuneInString(text[i:])
			}
			if !('a' <= r|0x20 && r|0x20 <= 'z' || r >= 0xC0 && r < 0x250) {
				i += size
				break
			}
			if n+utf8.UTFMax <= len(buf) {
				if r < utf8.RuneSelf {
					buf[n] = byte(r | 0x20)
					n++
				} else {
					n += utf8.EncodeRune(buf[n:], unicode.ToLower(r))
				}
			}
			i += size
		}
		if n == 0 {
			continue
		}
		words++
		if n == 1 { // a single letter is more often a name in code than a function word
			continue
		}
		for set, lang := stops[string(buf[:n])], 0; set != 0; set, lang = set>>1, lang+1 {
			votes[lang] += int(set & 1)
		}
	}
	best := english
	for lang := english + 1; lang < languages; lang++ {
		if votes[lang] > votes[best] {
			best = lang
		}
	}
	if votes[best] < 2 || votes[best]*10 < words {
		return english
	}
	return best
}

// bare removes the accents of a word and spells out Latin letters that have no form
// without an accent, so that people find a word without typing accents.
func bare(word string) string {
	if isASCII(word) {
		return word
	}
	var b strings.Builder
	b.Grow(len(word))
	for _, r := range norm.NFD.String(word) {
		if unicode.Is(unicode.Mn, r) {
			continue
		}
		if plain, ok := plainLetters[r]; ok {
			b.WriteString(plain)
			continue
		}
		b.WriteRune(r)
	}
	return norm.NFC.String(b.String())
}

var plainLetters = map[rune]string{
	'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'æ': "ae", 'œ': "oe", 'ı': "i", 'ħ': "h", 'ß': "ss",
}

// plainCyrillic replaces ё by е, as most people write it. The other letters with marks
// are different letters.
func plainCyrillic(word string) string { return strings.ReplaceAll(word, "ё", "е") }

// plainArabic removes vowel signs and the tatweel, which most texts leave out.
func plainArabic(word string) string {
	return strings.Map(func(r rune) rune {
		if r == 0x640 || unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, word)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
