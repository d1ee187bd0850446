package text

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

// Span is a range of runes in a text: Start is the first rune, End is the rune after the
// last.
type Span struct{ Start, End int }

// Spans returns the places of the words in a text that match one of the query's terms
// (from Terms), in order. The spans do not touch each other: in scripts that are indexed
// as bigrams, neighboring spans are merged.
func Spans(text string, query []string) []Span {
	if len(query) == 0 {
		return nil
	}
	wanted := make(map[string]bool, len(query))
	for _, term := range query {
		wanted[term] = true
	}
	a := newAnalysis(text, true)
	defer a.release()
	for start, end := range Words(text) {
		a.scan(text[start:end], start)
	}
	marked := make([]byteSpan, 0, len(a.spans))
	for i, term := range a.terms {
		if wanted[term] {
			marked = append(marked, a.spans[i])
		}
	}
	return inRunes(text, joined(marked))
}

// joined sorts spans and merges those that overlap or touch.
func joined(spans []byteSpan) []byteSpan {
	slices.SortFunc(spans, func(a, b byteSpan) int { return cmp.Compare(a.start, b.start) })
	var out []byteSpan
	for _, s := range spans {
		if n := len(out); n > 0 && s.start <= out[n-1].end {
			out[n-1].end = max(out[n-1].end, s.end)
			continue
		}
		out = append(out, s)
	}
	return out
}

// inRunes converts ascending byte ranges to rune ranges in one pass.
func inRunes(text string, spans []byteSpan) []Span {
	out := make([]Span, 0, len(spans))
	at, runes := 0, 0
	walk := func(to int) int {
		runes += utf8.RuneCountInString(text[at:to])
		at = to
		return runes
	}
	for _, s := range spans {
		start := walk(s.start)
		out = append(out, Span{start, walk(s.end)})
	}
	return out
}
