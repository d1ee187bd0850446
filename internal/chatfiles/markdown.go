package chatfiles

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/markdown"
)

// Markdown returns the format of Markdown files with front matter. Each message is below a
// heading of level 2 of its own, and no text has such a heading.
func Markdown() Format { return markdownFormat{} }

type markdownFormat struct{}

func (markdownFormat) extension() string { return ".md" }
func (markdownFormat) index() string     { return "README.md" }

func (markdownFormat) begin(w io.Writer, c Conversation) error {
	var out strings.Builder
	out.WriteString("---\n")
	field := func(name string, value any) { fmt.Fprintf(&out, "%s: %s\n", name, scalar(value)) }
	field("title", c.Title)
	field("id", c.ID)
	field("platform", c.Platform)
	field("platformId", c.ExternalID)
	field("created", c.CreatedAt.UTC().Format(time.RFC3339))
	field("updated", c.UpdatedAt.UTC().Format(time.RFC3339))
	if c.Source.Link != "" {
		field("link", c.Source.Link)
	}
	if c.Source.Project != "" {
		field("project", c.Source.Project)
	}
	if c.Source.Archived != nil {
		field("archived", *c.Source.Archived)
	}
	if c.Source.Starred != nil {
		field("starred", *c.Source.Starred)
	}
	field("pinned", c.Pinned)
	fmt.Fprintf(&out, "---\n\n# %s\n", markdown.Escape(c.Title))
	_, err := io.WriteString(w, out.String())
	return err
}

// scalar is a value in YAML: every JSON value is one.
func scalar(value any) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // texts and booleans can be written
	return strings.TrimSuffix(out.String(), "\n")
}

func (markdownFormat) message(w io.Writer, m chat.Message) error {
	_, err := fmt.Fprintf(w, "\n## %s\n", markdown.Escape(strings.Join(headOf(m), " · ")))
	if err != nil {
		return err
	}
	if body := markdown.Embed(m.Text); body != "" {
		if _, err := io.WriteString(w, "\n"+body); err != nil {
			return err
		}
	}
	if len(m.Files) > 0 {
		_, err = fmt.Fprintf(w, "\n*Files: %s*\n", markdown.Escape(strings.Join(m.Files, ", ")))
	}
	return err
}

func (markdownFormat) end(io.Writer) error { return nil }

func (markdownFormat) writeIndex(w io.Writer, months []month, totals Written) error {
	if _, err := fmt.Fprintf(w, "# Chats\n\n%s with %s.\n", number(totals.Conversations, "chat"), number(totals.Messages, "message")); err != nil {
		return err
	}
	for _, month := range months {
		if _, err := fmt.Fprintf(w, "\n## %s\n\n", month.title); err != nil {
			return err
		}
		for _, c := range month.chats {
			_, err := fmt.Fprintf(w, "- [%s](%s) · %s · %s · %s\n", markdown.Escape(c.title), url.PathEscape(c.name),
				markdown.Escape(c.platform), c.created.Format(time.DateOnly), number(c.messages, "message"))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// headOf is what stands above a message: who said it, when, and what is particular about it.
func headOf(m chat.Message) []string {
	head := []string{nameOfSender(m.Sender), timeOf(m)}
	if m.Hidden {
		head = append(head, "hidden")
	}
	if m.Branch != "" {
		head = append(head, "abandoned branch")
	}
	return head
}

func timeOf(m chat.Message) string {
	at := m.CreatedAt.UTC().Format("2006-01-02 15:04 UTC")
	if m.Inferred {
		return "about " + at
	}
	return at
}

func nameOfSender(s chat.Sender) string {
	switch s {
	case chat.Human:
		return "Human"
	case chat.Assistant:
		return "Assistant"
	case chat.System:
		return "System"
	default:
		return "Tool"
	}
}
