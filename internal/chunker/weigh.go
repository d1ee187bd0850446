package chunker

import (
	"unicode"
	"unicode/utf8"
)

// Weights are in tenths of a word so that sums are exact.
const (
	wordWeight    = 10
	cjkWeight     = 6 // Chinese and Japanese words have about 1.7 characters
	clusterWeight = 2 // words of Thai and related scripts have about five
	longWord      = 16
)

// scale weighs a text rune by rune.
type scale struct {
	inWord int // runes of the current word so far
}

// add returns the weight of the next rune. A word counts when it begins and again after every longWord runes, because
// an embedder reads a long word, such as encoded data, as several.
func (s *scale) add(r rune) int {
	switch {
	case unicode.IsSpace(r):
		s.inWord = 0
		return 0
	case r >= 0x2E80 && isCJK(r):
		s.inWord = 0
		return cjkWeight
	case isCluster(r):
		s.inWord = 0
		return clusterWeight
	}
	s.inWord++
	if s.inWord%longWord == 1 {
		return wordWeight
	}
	return 0
}

// isCJK reports whether a rune is Han, kana or their punctuation. Korean is not included because it puts spaces
// between words.
func isCJK(r rune) bool {
	return r <= 0x312F || r >= 0x31A0 && r <= 0x9FFF || r >= 0xF900 && r <= 0xFAFF ||
		r >= 0xFF01 && r <= 0xFF9F || r >= 0x20000 && r <= 0x3FFFF
}

func isCluster(r rune) bool {
	return r >= 0x0E00 && r <= 0x0EFF || r >= 0x1000 && r <= 0x109F || r >= 0x1780 && r <= 0x17FF
}

// measure returns the weight of a text and its number of runes.
func measure(text string) (weight, runes int) {
	var s scale
	for _, r := range text {
		weight += s.add(r)
		runes++
	}
	return weight, runes
}

// glued reports whether a cut before text[i:] would separate a rune from its marks or joiners.
func glued(text string, i int) bool {
	r, _ := utf8.DecodeRuneInString(text[i:])
	before, _ := utf8.DecodeLastRuneInString(text[:i])
	const joiner = '\u200D'
	return r == joiner || before == joiner || unicode.Is(unicode.M, r) || r >= 0x1F3FB && r <= 0x1F3FF
}
