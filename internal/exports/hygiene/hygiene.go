// Package hygiene removes from the texts of export files what no reader should see and no
// search should find: characters that databases refuse, control characters and the marks of
// citations. The text is otherwise unchanged.
package hygiene

import (
	"strings"
	"unicode/utf8"

	"github.com/lethe-chat/lethe/internal/text"
)

// Text returns a text with line breaks as "\n", without control characters except line breaks and tabs, without
// the control sequences of terminals, and with U+FFFD for invalid UTF-8. The JSON decoder has already replaced halves of surrogate pairs by U+FFFD.
func Text(s string) string {
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if (r == utf8.RuneError && size == 1) || control(r) {
				return clean(s, i)
			}
			i += size
			continue
		}
		if control(rune(c)) {
			return clean(s, i)
		}
		i++
	}
	return s
}

// clean is Text of a string whose first from bytes are clean.
func clean(s string, from int) string {
	var b strings.Builder
	b.Grow(len(s))
	b.WriteString(s[:from])
	after := from // the end of a control sequence, which is left out as a whole
	for i, r := range s[from:] {
		switch {
		case from+i < after:
		case r == escape || r == escapeAndBracket:
			after = from + i + text.ControlSequence(s[from+i:])
		case r == '\r':
			if next := from + i + 1; next == len(s) || s[next] != '\n' {
				b.WriteByte('\n')
			}
		case !control(r):
			b.WriteRune(r)
		}
	}
	return b.String()
}

// The beginnings of a control sequence for a terminal, such as that of a colour (ESC [ 1 m).
const (
	escape           = '\x1b'
	escapeAndBracket = '\u009b'
)

func control(r rune) bool {
	return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0
}

// The characters in which ChatGPT wraps a citation: a private begin, separators and end.
const (
	citeBegin = "\ue200"
	citeEnd   = "\ue201"
)

// Uncited is Text without ChatGPT's citations, which are between U+E200 and U+E201, and without other characters of
// that set. If a citation does not end on its line, only the mark is removed, so that no text is lost.
func Uncited(s string) string {
	if strings.Contains(s, "\xee\x88") { // U+E200 to U+E23F
		s = uncite(s)
	}
	return Text(s)
}

func uncite(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for {
		before, rest, found := strings.Cut(s, citeBegin)
		b.WriteString(before)
		if !found {
			break
		}
		s = rest
		line, _, _ := strings.Cut(rest, "\n")
		if end := strings.Index(line, citeEnd); end >= 0 {
			s = rest[end+len(citeEnd):]
		}
	}
	return strings.Map(func(r rune) rune {
		if r >= 0xe200 && r <= 0xe206 {
			return -1
		}
		return r
	}, b.String())
}
