// Package spelling finds the known name that a misspelled name probably means. It owns how
// names are compared. It does not know whether they name settings, fields or parameters.
package spelling

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold removes separators and capitals from a name: dryRun, dry_run, DRY-RUN and "Dry run"
// all become dryrun. Letters of another form, such as full-width ones, become the
// usual ones.
func Fold(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKC.String(name))
}

// Nearest returns the known name that is nearest to name, and whether it is so near that it was probably meant: after
// folding, at most a third of the letters may differ, but one always may. If several are equally near, it returns the
// first.
func Nearest(name string, known []string) (nearest string, near bool) {
	folded, best := Fold(name), -1
	for _, candidate := range known {
		other := Fold(candidate)
		most := max(1, len(other)/3)
		if !Within(folded, other, most) {
			continue
		}
		if d := Distance(folded, other); best < 0 || d < best {
			nearest, best = candidate, d
		}
	}
	return nearest, best >= 0
}

// Within reports whether the Distance of a and b is at most most. If their lengths alone rule that out, it does no
// more work, because names come from callers and may be very long.
func Within(a, b string, most int) bool {
	longer, shorter := utf8.RuneCountInString(a), utf8.RuneCountInString(b)
	if longer < shorter {
		longer, shorter = shorter, longer
	}
	return longer-shorter <= most && Distance(a, b) <= most
}

// Distance returns how many letters must be inserted, removed, replaced or swapped with
// their neighbor to turn a into b.
func Distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	before, last, row := make([]int, len(to)+1), make([]int, len(to)+1), make([]int, len(to)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(from); i++ {
		row[0] = i
		for j := 1; j <= len(to); j++ {
			cost := 1
			if from[i-1] == to[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && from[i-1] == to[j-2] && from[i-2] == to[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(to)]
}
