package chunker

import (
	"strings"

	"github.com/lethe-chat/lethe/internal/chat"
)

const dateLayout = "2006-01-02"

// Render writes a passage as it is indexed and shown: the day on a line of its own whenever it changes, the title
// beside the first day, and each text after its sender.
func Render(p chat.Passage) string {
	var b strings.Builder
	if header := strings.TrimSpace(firstDay(p) + " " + heading(p.Title)); header != "" {
		b.WriteString(header)
	}
	writeBody(&b, p.Parts)
	return b.String()
}

// Body writes the parts of a passage without its first line, which has the day and the title, for callers that show
// these in another form.
func Body(parts []chat.Excerpt) string {
	var b strings.Builder
	writeBody(&b, parts)
	return b.String()
}

// Words returns the text of the parts of one message, without dates and senders. Parts with a blob between them
// are on separate lines.
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

// Said returns the part of a passage that carries meaning: the title and the texts, without the dates and senders
// that all passages have. Vectors of it tell passages apart better. Keyword search uses the whole text.
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

// Label returns the name with which Render introduces a sender's text.
func Label(s chat.Sender) string {
	if s == chat.Assistant {
		return "Assistant: "
	}
	return "Human: "
}

// Day returns the day of a part as Render writes it; empty when it is not known.
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

// writeBody writes the parts, each on its own lines, without the day of the first one.
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

// heading returns a title as it is written in a passage: on one line, and cut to a maximum length.
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
