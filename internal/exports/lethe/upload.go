package lethe

import (
	"bytes"
	"io"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
)

// upload is a line of a conversation as its source has it. Unlike a stored conversation, it may
// lack times, ids and marks; such fields are left out.
type upload struct {
	Platform     string             `json:"platform,omitzero"`
	DisplayName  string             `json:"platformDisplayName,omitzero"`
	Conversation uploadConversation `json:"conversation"`
}

type uploadConversation struct {
	ID        string          `json:"id"`
	Title     string          `json:"title,omitzero"`
	CreatedAt time.Time       `json:"createdAt,omitzero"`
	UpdatedAt time.Time       `json:"updatedAt,omitzero"`
	Pinned    *bool           `json:"pinned,omitzero"`
	Archived  *bool           `json:"archived,omitzero"`
	Starred   *bool           `json:"starred,omitzero"`
	Project   string          `json:"project,omitzero"`
	Link      string          `json:"link,omitzero"`
	Marked    bool            `json:"marked,omitzero"`
	From      *int            `json:"from,omitzero"`
	Messages  []uploadMessage `json:"messages"`
}

type uploadMessage struct {
	ID        string    `json:"id,omitzero"`
	Role      string    `json:"role"`
	Content   string    `json:"content"`
	CreatedAt time.Time `json:"createdAt,omitzero"`
	Inferred  bool      `json:"timeInferred,omitzero"`
	Branch    string    `json:"branch,omitzero"`
	Hidden    bool      `json:"hidden,omitzero"`
	Files     []string  `json:"files,omitzero"`
}

// WriteUpload writes a conversation as a line, or a long one as several. It is Write for a
// conversation that is not stored yet. Bytes that are not UTF-8 are written as U+FFFD.
func WriteUpload(w io.Writer, u chat.Upload) error {
	for _, part := range u.Split(chat.DefaultPartLimits()) {
		if err := writeUpload(w, part); err != nil {
			return err
		}
	}
	return nil
}

// Line returns a conversation as one line, of at most this many bytes. It returns Invalid when the line is longer.
func Line(u chat.Upload, most int) ([]byte, error) {
	var line bytes.Buffer
	if err := writeUpload(&line, u); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "it cannot be written as JSON")
	}
	if n := line.Len(); n > most {
		return nil, fault.Invalidf("it has a message of %d MB; at most %d MB can be sent", n/1_000_000, most/1_000_000)
	}
	return line.Bytes(), nil
}

func writeUpload(w io.Writer, u chat.Upload) error {
	line := upload{Platform: u.Platform, DisplayName: u.DisplayName, Conversation: uploadConversation{
		ID: u.ExternalID, Title: u.Title, CreatedAt: u.CreatedAt.UTC(), UpdatedAt: u.UpdatedAt.UTC(), Pinned: u.Pinned,
		Archived: u.Source.Archived, Starred: u.Source.Starred, Project: u.Source.Project, Link: u.Source.Link,
		Marked: u.TellsMarks, From: u.From, Messages: make([]uploadMessage, len(u.Messages)),
	}}
	for i, m := range u.Messages {
		line.Conversation.Messages[i] = uploadMessage{
			ID: m.ExternalID, Role: m.Role, Content: m.Text, CreatedAt: m.CreatedAt.UTC(),
			Inferred: m.Inferred, Branch: m.Branch, Hidden: m.Hidden, Files: m.Files,
		}
	}
	if err := json.MarshalWrite(w, line, jsontext.AllowInvalidUTF8(true)); err != nil {
		return err
	}
	_, err := w.Write([]byte{'\n'})
	return err
}
