package agentsync

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/pkg/api"
)

// linesOf returns a conversation as lines of an import file. A long conversation becomes several lines, which the
// service puts together. whole means that u is the whole conversation; then each line has the position where it
// continues. Otherwise u is the end of a conversation, and the service finds its position by the ids.
func linesOf(u chat.Upload, whole bool) (lines [][]byte, err error) {
	parts := u.Split(chat.DefaultPartLimits())
	for _, part := range parts {
		if !whole {
			part.From = nil
		}
		line, err := written(request(part))
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// request converts a conversation, or a part of one, into an upload.
func request(u chat.Upload) api.UploadRequest {
	sent := api.UploadedChat{
		ID: u.ExternalID, Title: some(u.Title), CreatedAt: at(u.CreatedAt), UpdatedAt: at(u.UpdatedAt), Marked: new(u.TellsMarks),
		Archived: u.Source.Archived, Starred: u.Source.Starred, Project: some(u.Source.Project), Link: some(u.Source.Link),
		Messages: make([]api.UploadedMessage, len(u.Messages)), From: u.From,
	}
	for i, m := range u.Messages {
		sent.Messages[i] = message(m)
	}
	return api.UploadRequest{Platform: some(u.Platform), PlatformDisplayName: some(u.DisplayName), Conversation: sent}
}

func message(m chat.UploadMessage) api.UploadedMessage {
	sent := api.UploadedMessage{
		ID: some(m.ExternalID), Role: m.Role, Content: storable(m.Text), CreatedAt: at(m.CreatedAt), Branch: some(m.Branch),
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

// storable returns a text that the service accepts. It cuts off the end of a text that is too long, such as the
// output of a tool.
func storable(text string) string {
	const surely = chat.MaxTextBytes / 6 // a character takes at most six times its bytes in JSON
	if len(text) <= surely {
		return text
	}
	if json, err := written(text); err == nil && len(json) <= chat.MaxTextBytes {
		return text
	}
	return strings.ToValidUTF8(text[:surely], "")
}

// written returns a value as JSON with a line break. It does not escape characters for HTML, because that could make
// a text six times as long.
func written(v any) ([]byte, error) {
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	err := out.Encode(v)
	return b.Bytes(), err
}
