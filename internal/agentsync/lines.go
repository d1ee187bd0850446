package agentsync

import (
	"encoding/json"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/pkg/api"
)

// Limits of one line that is sent. A longer conversation is sent in several lines, which the
// service puts together.
const (
	lineMessages = 10_000
	lineText     = 8 << 20  // bytes of text
	messageText  = 32 << 20 // bytes of the text of one message; what goes beyond it is cut off
)

// linesOf returns a conversation as lines of an import file.
func linesOf(u chat.Upload) (lines [][]byte, err error) {
	for from := 0; from < len(u.Messages); {
		to, size := from, 0
		for to < len(u.Messages) && to-from < lineMessages && (to == from || size+len(u.Messages[to].Text) <= lineText) {
			size += len(u.Messages[to].Text)
			to++
		}
		line, err := json.Marshal(request(u, u.Messages[from:to]))
		if err != nil {
			return nil, err
		}
		lines = append(lines, append(line, '\n'))
		from = to
	}
	return lines, nil
}

// request is the upload of some messages of a conversation.
func request(u chat.Upload, messages []chat.UploadMessage) api.UploadRequest {
	sent := api.UploadedChat{
		ID: u.ExternalID, Title: some(u.Title), CreatedAt: at(u.CreatedAt), UpdatedAt: at(u.UpdatedAt), Marked: new(u.TellsMarks),
		Archived: u.Source.Archived, Starred: u.Source.Starred, Project: some(u.Source.Project), Link: some(u.Source.Link),
		Messages: make([]api.UploadedMessage, len(messages)),
	}
	for i, m := range messages {
		sent.Messages[i] = message(m)
	}
	return api.UploadRequest{Platform: some(u.Platform), PlatformDisplayName: some(u.DisplayName), Conversation: sent}
}

func message(m chat.UploadMessage) api.UploadedMessage {
	text := m.Text
	if len(text) > messageText {
		text = text[:messageText] // the service replaces half a character
	}
	sent := api.UploadedMessage{
		ID: some(m.ExternalID), Role: m.Role, Content: text, CreatedAt: at(m.CreatedAt), Branch: some(m.Branch),
		Files: m.Files[:min(len(m.Files), chat.MaxFiles)],
	}
	if m.Hidden {
		sent.Hidden = new(true)
	}
	if m.Inferred {
		sent.TimeInferred = new(true)
	}
	return sent
}

func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func at(t time.Time) *api.Time {
	if t.IsZero() {
		return nil
	}
	return new(api.NewTime(t))
}
