package recall

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	citation    = regexp.MustCompile(`[ \t]*\[\s*\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\s*\]`)
	numberRange = regexp.MustCompile(`(\d+)(?:\s*[–-]\s*(\d+))?`)
	cutCitation = regexp.MustCompile(`\s*\[[\d\s,;–-]*$`) // at the end of a text that was cut
)

func withoutCutCitation(text string) string {
	return strings.TrimSpace(cutCitation.ReplaceAllString(text, ""))
}

// renumber numbers the citations in a text from 1 without gaps, in the order of the passages,
// and returns the old numbers in that order. It removes citations of passages that do not
// exist.
func renumber(text string, passages int) (renumbered string, order []int) {
	for _, c := range citation.FindAllString(text, -1) {
		for _, n := range numbersIn(c, passages) {
			if !slices.Contains(order, n) {
				order = append(order, n)
			}
		}
	}
	slices.Sort(order)
	renumbered = citation.ReplaceAllStringFunc(text, func(c string) string {
		var b strings.Builder
		for _, n := range numbersIn(c, passages) {
			fmt.Fprintf(&b, "[%d]", slices.Index(order, n)+1)
		}
		if b.Len() == 0 {
			return ""
		}
		return c[:strings.IndexByte(c, '[')] + b.String()
	})
	return renumbered, order
}

// numbersIn returns the numbers of a citation such as [2], [1, 3] or [2-4], without those that
// are not between 1 and most.
func numbersIn(citation string, most int) (numbers []int) {
	for _, m := range numberRange.FindAllStringSubmatch(citation, -1) {
		from, _ := strconv.Atoi(m[1]) // three digits at most
		to := from
		if m[2] != "" {
			to, _ = strconv.Atoi(m[2])
		}
		for n := max(from, 1); n <= min(to, most); n++ {
			numbers = append(numbers, n)
		}
	}
	return numbers
}
