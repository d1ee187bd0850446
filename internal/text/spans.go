package text

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

// Span is a range of runes of a text: Start is its first rune, End the one after
// its last.
type Span struct{ Start, End int }

// Spans returns where in the text the words stand that one of the query's terms
// (from Terms) finds, in order, none touching another. In scripts that are
// indexed as bigrams the spans of neighbours run together.
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

// joined sorts the spans and merges those that overlap or touch.
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

// inRunes turns ascending byte ranges into rune ranges in one walk.
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
