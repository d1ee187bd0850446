// Package cursor reads the transcripts of Cursor's agent: JSON lines with a role and a message, and nothing else.
// There are no times, no ids and no results of tools. Only the name of a file says which conversation it is.
package cursor

import (
	"context"
	"path"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/lines"
	"github.com/lethe-chat/lethe/internal/exports/loose"
	"github.com/lethe-chat/lethe/internal/exports/session"
)

// Platform is the platform of the conversations.
const Platform = "cursor"

// Format returns the format.
func Format() format.Format {
	return format.Format{
		Name: "cursor", Title: "Cursor agent transcript", Platform: Platform,
		LookFor: "JSON lines with `role` and `message.content`, without ids",
		Matches: matches, Read: read,
	}
}

func matches(s *format.Sample) bool {
	l, ok := session.LinesOf(s)
	return ok && l.Has("message.content.[].type") && (l.Is("role", "user") || l.Is("role", "assistant")) &&
		!l.Has("uuid") && !l.Has("sessionId") && !l.Has("id") && !l.Has("content")
}

type line struct {
	Role    loose.Text `json:"role"`
	Message struct {
		Content loose.List[block] `json:"content"`
	} `json:"message"`
}

type block struct {
	Type  loose.Text     `json:"type"`
	Text  loose.Text     `json:"text"`
	Name  loose.Text     `json:"name"`
	Input jsontext.Value `json:"input"`
}

// redacted is in answers in the place of text that Cursor does not write.
const redacted = "[REDACTED]"

// injected is what Cursor puts into the user's turns, around the query.
var injected = session.Injected{Tags: []string{
	"user_info", "system_reminder", "attached_files", "open_and_recently_viewed_files", "project_layout", "rules", "git_status",
	"additional_data", "image_files", "cursor_commands", "agent_transcripts", "manually_attached_skills", "timestamp",
}}

func read(ctx context.Context, m format.Member, out *format.Out) error {
	s := session.New(Platform, "Cursor", time.Time{})
	unknown := 0
	err := lines.Each(ctx, m, out, func(_ lines.Place, l line) error {
		unknown += add(s, l)
		return nil
	})
	if err != nil {
		return err
	}
	out.Warn(format.UnknownBlock, unknown)
	s.Upload.ExternalID = strings.TrimSuffix(path.Base(m.Path), path.Ext(m.Path))
	s.Upload.Source.Project = projectOf(m.Path)
	s.Upload.UpdatedAt = m.Modified // the only time there is
	return s.HandOver(format.Place{Member: m.Path}, out)
}

// projectOf returns the project's name from .../projects/<project>/agent-transcripts/...;
// empty when the path has no such part.
func projectOf(file string) string {
	before, _, found := strings.Cut(file, "/agent-transcripts/")
	if !found {
		return ""
	}
	return path.Base(before)
}

// add adds the messages of a line and returns how many of its blocks are unknown. They have
// no ids: a conversation that is read again is compared by its texts.
func add(s *session.Session, l line) (unknown int) {
	var said []string
	var calls []chat.UploadMessage
	for _, b := range l.Message.Content {
		switch b.Type {
		case "text":
			said = append(said, strings.ReplaceAll(string(b.Text), redacted, ""))
		case "tool_use":
			calls = append(calls, chat.UploadMessage{Role: session.Tool, Text: string(b.Name) + " " + loose.Compact(b.Input), Hidden: true})
		case "tool_result", "thinking", "redacted_thinking":
		default:
			unknown++
		}
	}
	switch text := strings.Join(said, "\n\n"); {
	case text == "" && len(calls) > 0:
	case l.Role == "assistant":
		s.Add(chat.UploadMessage{Role: session.Assistant, Text: text})
	case l.Role == "user":
		user(s, text)
	default:
		s.Add(chat.UploadMessage{Role: session.System, Text: text, Hidden: true})
	}
	for _, m := range calls {
		s.Add(m)
	}
	return unknown
}

// user adds a user's turn. The prompt is in an element after the text that Cursor adds.
func user(s *session.Session, text string) {
	query, found := session.Element(text, "user_query")
	if !found {
		for _, m := range injected.Prompt(chat.UploadMessage{Text: text}) {
			s.Add(m)
		}
		return
	}
	before, _, _ := strings.Cut(text, "<user_query>")
	_, after, _ := strings.Cut(text, "</user_query>")
	if around := strings.TrimSpace(before + after); around != "" {
		s.Add(chat.UploadMessage{Role: session.System, Text: around, Hidden: true})
	}
	s.Add(chat.UploadMessage{Role: session.Human, Text: query})
}
