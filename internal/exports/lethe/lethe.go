// Package archive writes Lethe's own export: one conversation a line, each line
// the JSON that an upload of it takes. So a file can be read by people and by
// jq, sent line by line with curl, and imported as a whole. The package knows the
// format and nothing of where lines come from or go.
package lethe

import (
	"encoding/json"
	"io"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
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

// Write writes one conversation as a line. displayName is what people call its
// platform; empty when nobody said.
func Write(w io.Writer, t chat.Transcript, displayName string) error {
	return write(w, newLine(t, displayName))
}

// WriteRevision is Write with the conversation's id and revision before the rest,
// so that a delete can name what it found in the file. An import ignores them.
func WriteRevision(w io.Writer, t chat.Transcript, displayName string) error {
	l := newLine(t, displayName)
	l.ConversationID, l.Revision = t.ID, t.Revision
	return write(w, l)
}

func newLine(t chat.Transcript, displayName string) line {
	out := line{
		Platform: t.Platform, DisplayName: displayName,
		Conversation: conversation{
			ID: t.ExternalID, Title: t.Title, CreatedAt: t.CreatedAt.UTC(), UpdatedAt: t.UpdatedAt.UTC(), Pinned: t.Pinned,
			Messages: make([]message, len(t.Turns)),
		},
	}
	for i, m := range t.Turns {
		out.Conversation.Messages[i] = message{ID: m.ExternalID, Role: m.Sender, Content: m.Text, CreatedAt: m.CreatedAt.UTC()}
	}
	return out
}

func write(w io.Writer, l line) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(l)
}
