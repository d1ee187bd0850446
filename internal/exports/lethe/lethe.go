// Package lethe knows Lethe's own export format: one conversation per line, as the JSON body
// of an upload request, and a long conversation on several lines. A file can be read by people and by jq, sent line by line with
// curl, and imported as a whole. The package knows only the format, not where lines come
// from or go to.
package lethe

import (
	"bufio"
	"io"
	"iter"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/jsonstream"
)

// MediaType is the media type of an export file.
const MediaType = "application/x-ndjson"

// line is one conversation. Times keep all their digits, so that an import of the same
// file changes nothing.
type line struct {
	ConversationID chat.ConversationID `json:"conversationId,omitempty"` // assigned by Lethe; set only together with Revision
	Revision       int64               `json:"revision,omitempty"`
	ImportID       string              `json:"importId,omitempty"` // the upload or import that created it; set by WriteStored
	LastImportID   string              `json:"lastImportId,omitempty"`

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
	Archived  *bool     `json:"archived,omitempty"`
	Starred   *bool     `json:"starred,omitempty"`
	Project   string    `json:"project,omitempty"`
	Link      string    `json:"link,omitempty"`
	Marked    bool      `json:"marked"` // a message without marks has none
	From      int       `json:"from"`   // the position of the first message
	Messages  []message `json:"messages"`
}

type message struct {
	MessageID chat.MessageID `json:"messageId,omitempty"` // assigned by Lethe; set by WriteStored
	ID        string         `json:"id,omitempty"`
	Role      chat.Sender    `json:"role"`
	Content   string         `json:"content"`
	CreatedAt time.Time      `json:"createdAt"`
	Inferred  bool           `json:"timeInferred,omitempty"`
	Branch    string         `json:"branch,omitempty"`
	Hidden    bool           `json:"hidden,omitempty"`
	Files     []string       `json:"files,omitempty"`
}

// Envelope is how many bytes of a line, at most, are not the text of its only message.
const Envelope = 256 << 10

// Write writes one conversation as a line, or a long one as several. It writes each part as it arrives, so a long
// conversation is never in memory as a whole. displayName is the platform's name for
// people, or empty. An error of the parts is returned unchanged; the line is then
// incomplete.
func Write(w io.Writer, c chat.Conversation, parts iter.Seq2[chat.Part, error], displayName string) error {
	return write(w, newLine(c, displayName), parts)
}

// WriteRevision is Write with the conversation's id and revision at the start of the line,
// so that a delete can refer to what was exported. An import ignores both.
func WriteRevision(w io.Writer, c chat.Conversation, parts iter.Seq2[chat.Part, error], displayName string) error {
	l := newLine(c, displayName)
	l.ConversationID, l.Revision = c.ID, c.Revision
	return write(w, l, parts)
}

// WriteStored is WriteRevision with every id that the database gave the conversation, its
// messages and its imports. Stored reads it.
func WriteStored(w io.Writer, c chat.Conversation, parts iter.Seq2[chat.Part, error]) error {
	l := newLine(c, "")
	l.ConversationID, l.Revision, l.ImportID, l.LastImportID = c.ID, c.Revision, c.ImportID, c.LastImportID
	return write(w, l, parts)
}

func newLine(c chat.Conversation, displayName string) line {
	return line{
		Platform: c.Platform, DisplayName: displayName,
		Conversation: conversation{
			ID: c.ExternalID, Title: c.Title, CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(), Pinned: c.Pinned,
			Archived: c.Source.Archived, Starred: c.Source.Starred, Project: c.Source.Project, Link: c.Source.Link, Marked: true,
			Messages: []message{},
		},
	}
}

// write writes a conversation as one line, or as several when it is long. l has no messages
// yet; parts are its messages.
func write(w io.Writer, l line, parts iter.Seq2[chat.Part, error]) error {
	out := lineWriter{out: bufio.NewWriterSize(w, writeSize), line: l, limits: chat.DefaultPartLimits()}
	return out.write(parts)
}

// lineWriter writes the lines of one conversation. Each is an upload that says at which
// message it begins.
type lineWriter struct {
	out    *bufio.Writer
	line   line
	limits chat.PartLimits

	messages, bytes int    // in the present line
	after           []byte // what ends it
}

func (w *lineWriter) write(parts iter.Seq2[chat.Part, error]) error {
	if err := w.begin(0); err != nil {
		return err
	}
	for part, err := range parts {
		if err != nil {
			return err
		}
		if err := w.part(part); err != nil {
			return err
		}
	}
	if err := w.end(); err != nil {
		return err
	}
	return w.out.Flush()
}

// begin begins a line with the messages from a position on.
func (w *lineWriter) begin(from int) error {
	w.line.Conversation.From = from
	before, after, err := jsonstream.Array(w.line, "messages")
	if err != nil {
		return err
	}
	w.messages, w.bytes, w.after = 0, 0, append(after, '\n')
	_, err = w.out.Write(before)
	return err
}

func (w *lineWriter) end() error {
	_, err := w.out.Write(w.after)
	return err
}

func (w *lineWriter) part(p chat.Part) error {
	if !p.Begins() {
		return w.writePart(p)
	}
	size := p.Size + besideText(p.Message)
	if !w.limits.Fits(w.messages, w.bytes, size) {
		if err := w.end(); err != nil {
			return err
		}
		if err := w.begin(p.Position); err != nil {
			return err
		}
	}
	if w.messages > 0 {
		if err := w.out.WriteByte(','); err != nil {
			return err
		}
	}
	w.messages, w.bytes = w.messages+1, w.bytes+size
	return w.writePart(p)
}

// besideText is about how many bytes of a message are not its text.
func besideText(m chat.Message) int {
	const fields = 120 // names of fields and a time
	n := fields + len(m.ExternalID) + len(m.Branch)
	for _, name := range m.Files {
		n += len(name)
	}
	return n
}

// writeSize is the size of the write buffer in bytes.
const writeSize = 32 << 10

func (w *lineWriter) writePart(p chat.Part) error {
	m := message{
		ID: p.ExternalID, Role: p.Sender, CreatedAt: p.CreatedAt.UTC(), Inferred: p.Inferred,
		Branch: p.Branch, Hidden: p.Hidden, Files: p.Files,
	}
	if w.line.ImportID != "" {
		m.MessageID = p.Message.ID
	}
	before, after, err := jsonstream.Text(m, "content")
	if err != nil {
		return err
	}
	if p.Begins() {
		if _, err := w.out.Write(before); err != nil {
			return err
		}
	}
	if err := jsonstream.WriteText(w.out, p.Text); err != nil {
		return err
	}
	if p.Ends() {
		_, err = w.out.Write(after)
	}
	return err
}
