// Package lethe writes Lethe's own export: one conversation a line, each line
// the JSON that an upload of it takes. So a file can be read by people and by
// jq, sent line by line with curl, and imported as a whole. The package knows the
// format and nothing of where lines come from or go.
package lethe

import (
	"bufio"
	"io"
	"iter"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/jsonstream"
)

// MediaType is what such a file is called on the wire.
const MediaType = "application/x-ndjson"

// line is one conversation. Times have all their digits, so that what is imported
// again is not taken for changed.
type line struct {
	ConversationID string `json:"conversationId,omitempty"` // ours; with Revision alone
	Revision       int64  `json:"revision,omitempty"`

	Platform     string       `json:"platform"`
	DisplayName  string       `json:"platformDisplayName,omitempty"`
	Conversation conversation `json:"conversation"`
}

type conversation struct {
	ID        string    `json:"id"`
	Title     string    `json:"title"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
	Pinned    bool      `json:"pinned"`
	Messages  []message `json:"messages"`
}

type message struct {
	ID        string      `json:"id,omitempty"`
	Role      chat.Sender `json:"role"`
	Content   string      `json:"content"`
	CreatedAt time.Time   `json:"createdAt"`
}

// Write writes one conversation as a line, each part as it comes: a long
// conversation is never in memory as a whole. displayName is what people call its
// platform; empty when nobody said. An error of the parts is returned as it is;
// then the line is not finished.
func Write(w io.Writer, c chat.Conversation, parts iter.Seq2[chat.Part, error], displayName string) error {
	return write(w, newLine(c, displayName), parts)
}

// WriteRevision is Write with the conversation's id and revision before the rest,
// so that a delete can name what it found in the file. An import ignores them.
func WriteRevision(w io.Writer, c chat.Conversation, parts iter.Seq2[chat.Part, error], displayName string) error {
	l := newLine(c, displayName)
	l.ConversationID, l.Revision = c.ID, c.Revision
	return write(w, l, parts)
}

func newLine(c chat.Conversation, displayName string) line {
	return line{
		Platform: c.Platform, DisplayName: displayName,
		Conversation: conversation{
			ID: c.ExternalID, Title: c.Title, CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(), Pinned: c.Pinned,
			Messages: []message{},
		},
	}
}

// write writes a line that has no messages yet, with the parts as its messages.
func write(w io.Writer, l line, parts iter.Seq2[chat.Part, error]) error {
	out := bufio.NewWriterSize(w, writeSize)
	before, after, err := jsonstream.Array(l, "messages")
	if err != nil {
		return err
	}
	if _, err := out.Write(before); err != nil {
		return err
	}
	for part, err := range parts {
		if err != nil {
			return err
		}
		if err := writePart(out, part); err != nil {
			return err
		}
	}
	if _, err := out.Write(append(after, '\n')); err != nil {
		return err
	}
	return out.Flush()
}

// writeSize is how many bytes are handed on at once.
const writeSize = 32 << 10

func writePart(w *bufio.Writer, p chat.Part) error {
	before, after, err := jsonstream.Text(message{ID: p.ExternalID, Role: p.Sender, CreatedAt: p.CreatedAt.UTC()}, "content")
	if err != nil {
		return err
	}
	if p.Begins() {
		if p.Position > 0 {
			before = append([]byte(","), before...)
		}
		if _, err := w.Write(before); err != nil {
			return err
		}
	}
	if err := jsonstream.WriteText(w, p.Text); err != nil {
		return err
	}
	if p.Ends() {
		_, err = w.Write(after)
	}
	return err
}
