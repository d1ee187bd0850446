package config

import (
	"regexp"
	"slices"
	"strings"
)

// ignored are names that are ours by their prefix only: those of the tests, and
// those that container platforms make up for a service called "lethe" or
// "lethe-something".
var (
	testVariable    = regexp.MustCompile(`^LETHE_TEST_`)
	serviceVariable = regexp.MustCompile(`^LETHE_(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)
	portVariable    = regexp.MustCompile(`^LETHE_(\w+_)?PORT$`)
	portValue       = regexp.MustCompile(`^(tcp|udp|sctp)://`)
)

func ignored(name, value string) bool {
	return testVariable.MatchString(name) || serviceVariable.MatchString(name) ||
		(portVariable.MatchString(name) && portValue.MatchString(value))
}

// checkNames reports variables that look like ours and are not: a setting with a
// typo would otherwise be a setting that silently does nothing.
func (l *loader) checkNames() {
	var unknown []string
	for name, value := range l.values {
		if _, known := variable(name); !known && strings.HasPrefix(name, prefix) && !ignored(name, value) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		if near, ok := nearest(name); ok {
			l.problem(name, "there is no such setting; did you mean %s?", near)
			continue
		}
		l.problem(name, "there is no such setting; remove it")
	}
}

// nearest returns the known variable that the name was probably meant to be.
func nearest(name string) (string, bool) {
	best, bestDistance := "", 0
	for _, v := range Variables() {
		d := distance(strings.TrimPrefix(name, prefix), strings.TrimPrefix(v.Name, prefix))
		if best == "" || d < bestDistance {
			best, bestDistance = v.Name, d
		}
	}
	limit := max(1, (len(best)-len(prefix))/3)
	return best, bestDistance <= limit
}

// distance is how many letters have to be put in, left out, replaced or swapped
// with their neighbor to make b of a.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
