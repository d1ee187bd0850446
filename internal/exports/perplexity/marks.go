package perplexity

import (
	"regexp"
	"strings"
)

// mark matches a reference to a source, such as [1]. The sources are not in the files.
var mark = regexp.MustCompile(`\[\d{1,3}\]`)

// withoutMarks removes the references to sources from Markdown, but not from code, and not
// where the brackets are part of a link.
func withoutMarks(s string) string {
	if !mark.MatchString(s) {
		return s
	}
	var b strings.Builder
	fence := ""
	for _, line := range strings.SplitAfter(s, "\n") {
		start := strings.TrimLeft(line, " \t>")
		switch {
		case fence != "":
			if strings.HasPrefix(start, fence) {
				fence = ""
			}
			b.WriteString(line)
		case strings.HasPrefix(start, "```"), strings.HasPrefix(start, "~~~"):
			fence = start[:3]
			b.WriteString(line)
		default:
			writeWithoutMarks(&b, line)
		}
	}
	return b.String()
}

// writeWithoutMarks writes a line that is not part of a block of code.
func writeWithoutMarks(b *strings.Builder, line string) {
	for line != "" {
		tick := strings.IndexByte(line, '`')
		if tick < 0 {
			writeText(b, line)
			return
		}
		writeText(b, line[:tick])
		line = line[tick:]
		ticks := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		end := strings.Index(line[len(ticks):], ticks)
		if end < 0 {
			b.WriteString(ticks)
			line = line[len(ticks):]
			continue
		}
		end += 2 * len(ticks)
		b.WriteString(line[:end])
		line = line[end:]
	}
}

func writeText(b *strings.Builder, s string) {
	from := 0
	for _, at := range mark.FindAllStringIndex(s, -1) {
		if at[1] < len(s) && (s[at[1]] == '(' || s[at[1]] == ':') { // a link, or where one leads
			continue
		}
		b.WriteString(s[from:at[0]])
		from = at[1]
	}
	b.WriteString(s[from:])
}
