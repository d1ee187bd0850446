package chunker

import (
	"strings"

	"github.com/lethe-chat/lethe/internal/chat"
)

const dateLayout = "2006-01-02"

// Render writes a passage as it is indexed and shown: a line with the day whenever it
// changes, beside the first of them the title, then the texts, each after its sender.
func Render(p chat.Passage) string {
	var b strings.Builder
	if header := strings.TrimSpace(firstDay(p) + " " + heading(p.Title)); header != "" {
		b.WriteString(header)
	}
	writeBody(&b, p.Parts)
	return b.String()
}

// Body writes the parts of a passage without its first line, the day and the title,
// for where those are shown in another form.
func Body(parts []chat.Excerpt) string {
	var b strings.Builder
	writeBody(&b, parts)
	return b.String()
}

// Words returns what the parts of one message say: its own words alone. Parts that do not
// follow each other, because a blob is between them, are on lines of their own.
func Words(parts []chat.Excerpt) string {
	var b strings.Builder
	for i, part := range parts {
		if i > 0 && parts[i-1].End != part.Start {
			newline(&b)
		}
		b.WriteString(part.Text)
	}
	return strings.TrimSpace(b.String())
}

// Said is what of a passage has a meaning: the title and the texts, without the dates
// and senders, which all passages have. A vector of it tells passages better apart;
// words are found with all of it.
func Said(p chat.Passage) string {
	var lines []string
	if title := heading(p.Title); title != "" {
		lines = append(lines, title)
	}
	for _, part := range p.Parts {
		lines = append(lines, strings.TrimSpace(part.Text))
	}
	return strings.Join(lines, "\n")
}

// Label is how Render introduces what a sender said.
func Label(s chat.Sender) string {
	if s == chat.Assistant {
		return "Assistant: "
	}
	return "Human: "
}

// Day is how Render writes the day on which a part was said; empty when it is not
// known.
func Day(part chat.Excerpt) string {
	if part.CreatedAt.IsZero() {
		return ""
	}
	return "[" + part.CreatedAt.UTC().Format(dateLayout) + "]"
}

func firstDay(p chat.Passage) string {
	if len(p.Parts) == 0 {
		return ""
	}
	return Day(p.Parts[0])
}

// writeBody writes the parts, each on lines of its own. The day of the first one is
// not written.
func writeBody(b *strings.Builder, parts []chat.Excerpt) {
	for i, part := range parts {
		if i > 0 && Day(parts[i-1]) != Day(part) && Day(part) != "" {
			newline(b)
			b.WriteString(Day(part))
		}
		newline(b)
		if i == 0 || parts[i-1].Position != part.Position {
			b.WriteString(Label(part.Sender))
		}
		b.WriteString(strings.TrimSpace(part.Text))
	}
}

func newline(b *strings.Builder) {
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
}

// heading is how a title stands in a passage: on one line, and cut.
func heading(title string) string {
	return cutRunes(strings.Join(strings.Fields(title), " "), maxTitleRunes)
}

func cutRunes(s string, limit int) string {
	n := 0
	for i := range s {
		if n == limit {
			return strings.TrimSpace(s[:i])
		}
		n++
	}
	return s
}
