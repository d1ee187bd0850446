// Package spelling tells which of some known names another name was probably
// meant to be. It owns how names are compared, and does not know what they name:
// settings, fields and parameters are all alike to it.
package spelling

import (
	"strings"
	"unicode"
)

// Fold removes what separates the words of a name and how they are capitalized:
// dryRun, dry_run, DRY-RUN and "Dry run" all become dryrun.
func Fold(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// Nearest returns the known name that is nearest to name, and whether the two are
// so near that one was probably meant to be the other: after folding, a third of
// the letters may differ, at least one. Of equally near names the first one is
// returned.
func Nearest(name string, known []string) (nearest string, near bool) {
	best := -1
	for _, candidate := range known {
		if d := Distance(Fold(name), Fold(candidate)); best < 0 || d < best {
			nearest, best = candidate, d
		}
	}
	return nearest, best >= 0 && best <= max(1, len(Fold(nearest))/3)
}

// Distance is how many letters have to be inserted, left out, replaced or swapped
// with their neighbor to turn a into b.
func Distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	before, last := make([]int, len(to)+1), make([]int, len(to)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(from); i++ {
		row := make([]int, len(to)+1)
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
		before, last = last, row
	}
	return last[len(to)]
}
