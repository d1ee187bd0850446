package evaluate

import (
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"
)

// shortestMisspelt is how many letters a word must have to be misspelt.
const shortestMisspelt = 4

// Misspelt returns the dialogue with one slip of the pen in the rarest word of each question that the dialogue has. The
// same seed makes the same slips.
func (d Dialogue) Misspelt(seed uint64) Dialogue {
	counts := map[string]int{}
	for _, s := range d.Sessions {
		for _, turn := range s.Turns {
			for _, word := range lettersOf(strings.ToLower(turn.Text)) {
				counts[word]++
			}
		}
	}
	d.Questions = slices.Clone(d.Questions)
	for i := range d.Questions {
		q := &d.Questions[i]
		rarest := ""
		for _, word := range lettersOf(q.Text) {
			n := counts[strings.ToLower(word)]
			if n > 0 && len(word) >= shortestMisspelt && (rarest == "" || n < counts[strings.ToLower(rarest)]) {
				rarest = word
			}
		}
		if rarest != "" {
			random := rand.New(rand.NewPCG(seed, uint64(i))) //nolint:gosec // no secret; the slips must be the same each time
			wrong := slip(random, rarest)
			for wrong == rarest { // a double letter was swapped, or replaced by itself
				wrong = slip(random, rarest)
			}
			q.Text = strings.Replace(q.Text, rarest, wrong, 1)
		}
	}
	return d
}

func lettersOf(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsLetter(r) })
}

// slip leaves out, doubles, replaces or swaps letters after the first.
func slip(random *rand.Rand, word string) string {
	at := 1 + random.IntN(len(word)-2)
	switch random.IntN(4) {
	case 0:
		return word[:at] + word[at+1:]
	case 1:
		return word[:at] + word[at:at+1] + word[at:]
	case 2:
		return word[:at] + string(rune('a'+random.IntN(26))) + word[at+1:]
	}
	return word[:at] + word[at+1:at+2] + word[at:at+1] + word[at+2:]
}
