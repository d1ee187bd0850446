// Package qwencode reads the sessions of Qwen Code: JSON lines that name their parents, as
// those of Claude Code do, with messages of parts, as Gemini has them.
package qwencode

import (
	"context"
	"path"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/lines"
	"github.com/lethe-chat/lethe/internal/exports/loose"
	"github.com/lethe-chat/lethe/internal/exports/session"
)

// Platform is the platform of the conversations.
const Platform = "qwen-code"

// Format returns the format.
func Format() format.Format {
	return format.Format{
		Name: "qwencode", Title: "Qwen Code session", Platform: Platform,
		LookFor: "JSON lines with `sessionId` and `message.parts`",
		Matches: func(s *format.Sample) bool {
			l, ok := session.LinesOf(s)
			return ok && l.Has("message.parts") && l.Has("sessionId") && l.Has("uuid")
		},
		Read: read, Resumes: true,
	}
}

type line struct {
	UUID    loose.Text `json:"uuid"`
	Parent  loose.Text `json:"parentUuid"`
	Session loose.Text `json:"sessionId"`
	Type    loose.Text `json:"type"`
	Subtype loose.Text `json:"subtype"`
	Time    loose.Time `json:"timestamp"`
	Cwd     loose.Text `json:"cwd"`
	Message struct {
		Parts loose.List[part] `json:"parts"`
	} `json:"message"`
	System struct {
		Title loose.Text `json:"customTitle"`
	} `json:"systemPayload"`
}

// part is a part of a message of Gemini's API.
type part struct {
	Text     loose.Text `json:"text"`
	Thought  loose.Flag `json:"thought"`
	Call     *call      `json:"functionCall"`
	Response *struct {
		Response jsontext.Value `json:"response"`
	} `json:"functionResponse"`
	Inline *struct {
		Type loose.Text `json:"mimeType"`
	} `json:"inlineData"`
}

type call struct {
	Name loose.Text     `json:"name"`
	Args jsontext.Value `json:"args"`
}

// state is what is needed to continue reading from a mark.
type state struct {
	Session string    `json:"session"`
	Tip     string    `json:"tip"` // the record before the mark
	Last    time.Time `json:"last,omitzero"`
}

type reader struct {
	chain        session.Chain
	before       state
	mark         format.Mark
	id, cwd, tip string
	title        string
	last         time.Time
	unknown      int
}

func read(ctx context.Context, m format.Member, out *format.Out) error {
	var r reader
	if m.From.Offset > 0 {
		if json.Unmarshal([]byte(m.From.State), &r.before) != nil {
			return format.ErrRewritten
		}
		r.chain.Known, r.id = r.before.Tip, r.before.Session
	}
	if err := lines.Each(ctx, m, out, r.line); err != nil {
		return err
	}
	out.Warn(format.MissingParent, r.chain.Missing())
	out.Warn(format.UnknownBlock, r.unknown)
	s := session.New(Platform, "Qwen Code", r.before.Last)
	s.Upload.ExternalID, s.Upload.Title, s.Upload.Source.Project = r.id, r.title, r.cwd
	if r.id == "" {
		s.Upload.ExternalID = strings.TrimSuffix(path.Base(m.Path), path.Ext(m.Path))
	}
	r.chain.Each(func(_ session.Record, m chat.UploadMessage) { s.Add(m) })
	if r.mark.Offset > 0 {
		out.Mark(r.mark)
	}
	return s.HandOver(format.Place{Member: m.Path}, out)
}

func (r *reader) line(at lines.Place, l line) error {
	if l.Session != "" {
		r.id = string(l.Session)
	}
	if l.Cwd != "" && r.cwd == "" {
		r.cwd = string(l.Cwd)
	}
	if l.System.Title != "" {
		r.title = string(l.System.Title)
	}
	rec := session.Record{ID: string(l.UUID), Parent: string(l.Parent)}
	r.messages(l, &rec)
	rec.Root = rec.Prompt && rec.ID != "" && rec.Parent == ""
	if rec.ID == "" && len(rec.Messages) == 0 {
		return nil
	}
	if rec.Prompt && r.tip != "" && rec.Parent != "" {
		r.setMark(at, rec.Parent)
	}
	if err := r.chain.Add(rec); err != nil {
		return err
	}
	if rec.ID != "" {
		r.tip = rec.ID
	}
	if !l.Time.IsZero() {
		r.last = l.Time.Time
	}
	return nil
}

// setMark lets a later reading go on from this prompt.
func (r *reader) setMark(at lines.Place, parent string) {
	text, err := json.Marshal(state{Session: r.id, Tip: parent, Last: r.last})
	if err == nil {
		r.mark = format.Mark{Offset: at.Offset, Line: at.Line - 1, State: string(text)}
	}
}

var injected = session.Injected{Tags: []string{"system-reminder", "ide_context"}}

// messages sets the messages of a line: one for the text, and hidden ones for thoughts and tools.
func (r *reader) messages(l line, rec *session.Record) {
	human := l.Type == "user"
	if !human && l.Type != "assistant" && l.Type != "tool_result" {
		return
	}
	add := func(m chat.UploadMessage) {
		m.ExternalID, m.CreatedAt = session.Part(rec.ID, len(rec.Messages)), l.Time.Time
		rec.Messages = append(rec.Messages, m)
	}
	var said, files []string
	for _, p := range l.Message.Parts {
		switch {
		case p.Call != nil:
			add(chat.UploadMessage{Role: session.Tool, Text: string(p.Call.Name) + " " + loose.Compact(p.Call.Args), Hidden: true})
		case p.Response != nil:
			add(chat.UploadMessage{Role: session.Tool, Text: output(p.Response.Response), Hidden: true})
		case p.Inline != nil:
			files = append(files, string(p.Inline.Type))
		case bool(p.Thought):
			add(chat.UploadMessage{Role: session.Assistant, Text: string(p.Text), Hidden: true})
		case p.Text != "":
			said = append(said, string(p.Text))
		default:
			r.unknown++
		}
	}
	text := strings.Join(said, "\n\n")
	if strings.TrimSpace(text) == "" && len(files) == 0 {
		return
	}
	m := chat.UploadMessage{ExternalID: session.Part(rec.ID, len(rec.Messages)), CreatedAt: l.Time.Time, Text: text, Files: files}
	switch {
	case !human:
		m.Role = session.Assistant
		if l.Type == "tool_result" {
			m.Role, m.Hidden = session.Tool, true
		}
		rec.Messages = append(rec.Messages, m)
	default:
		all := injected.Prompt(m)
		rec.Prompt = all[len(all)-1].Role == session.Human
		rec.Messages = append(rec.Messages, all...)
	}
}

// output returns the text of what a tool answered, or the whole answer.
func output(v jsontext.Value) string {
	var answer struct {
		Output loose.Text `json:"output"`
	}
	if json.Unmarshal(v, &answer, lines.Options) == nil && answer.Output != "" {
		return string(answer.Output)
	}
	return loose.Compact(v)
}
