package text

import "strings"

// How long a word is whose slips are listed. Shorter words have too many neighbours that are
// words themselves.
const (
	minSlipLetters = 4
	maxSlipLetters = 24
)

const slipLetters = "abcdefghijklmnopqrstuvwxyz"

// Slips returns the terms of the words that one slip of the pen turns into this word: a letter
// too many, one missing, a wrong one, or two that changed places. It returns nil for a word that
// is not 4 to 24 letters from a to z. The term of the word itself is not in the list, which is
// in no particular order and has each term once.
func Slips(word string) []string {
	word = strings.ToLower(word)
	if len(word) < minSlipLetters || len(word) > maxSlipLetters || strings.Trim(word, slipLetters) != "" {
		return nil
	}
	own := Terms(word)
	seen := make(map[string]bool, 2*len(slipLetters)*len(word))
	for _, t := range own {
		seen[t] = true
	}
	var terms []string
	add := func(meant string) {
		if seen["word "+meant] {
			return
		}
		seen["word "+meant] = true
		for _, t := range Terms(meant) {
			if !seen[t] {
				seen[t] = true
				terms = append(terms, t)
			}
		}
	}
	for i := range len(word) + 1 {
		before, after := word[:i], word[i:]
		for _, letter := range slipLetters {
			add(before + string(letter) + after)
			if after != "" {
				add(before + string(letter) + after[1:])
			}
		}
		if after != "" {
			add(before + after[1:])
		}
		if len(after) > 1 {
			add(before + after[1:2] + after[:1] + after[2:])
		}
	}
	return terms
}
