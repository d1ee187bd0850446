// Package grokbuild reads the sessions of Grok Build. In the folder of a session, updates.jsonl is the record.
// chat_history.jsonl is generated from it, without times, and is read only if there is no record.
package grokbuild

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
const Platform = "grok-build"

const record = "updates.jsonl"

// Format returns the format.
func Format() format.Format {
	return format.Format{
		Name: "grokbuild", Title: "Grok Build session", Platform: Platform,
		LookFor: "JSON lines with `params.update.sessionUpdate`, or with `model_id` and `content`",
		Matches: func(s *format.Sample) bool {
			l, ok := session.LinesOf(s)
			return ok && (l.Has("params.update.sessionUpdate") || isHistory(l))
		},
		Read: read, Resumes: true,
	}
}

func isHistory(l session.Lines) bool {
	return l.Has("model_id") && l.Has("content") && (l.Is("type", "assistant") || l.Is("role", "assistant"))
}

// summary is the file summary.json of a session.
type summary struct {
	Info struct {
		ID  loose.Text `json:"id"`
		Cwd loose.Text `json:"cwd"`
	} `json:"info"`
	Title   loose.Text `json:"generated_title"`
	Summary loose.Text `json:"session_summary"`
	Created loose.Time `json:"created_at"`
	Updated loose.Time `json:"updated_at"`
}

// summaryOf reads the summary beside a file; zero if there is none.
func summaryOf(m format.Member) (s summary) {
	if m.Sibling == nil {
		return s
	}
	file, ok := m.Sibling("summary.json")
	if !ok {
		return s
	}
	in, err := file.Open()
	if err != nil {
		return s
	}
	defer in.Close()
	_ = json.UnmarshalRead(in, &s, lines.Options) // it may be half written
	return s
}

// line is one line of either file.
type line struct {
	// updates.jsonl
	Time   loose.Time `json:"timestamp"`
	Params struct {
		Session loose.Text `json:"sessionId"`
		Update  update     `json:"update"`
	} `json:"params"`

	// chat_history.jsonl
	Type      loose.Text                 `json:"type"`
	Role      loose.Text                 `json:"role"`
	Content   jsontext.Value             `json:"content"`
	Synthetic loose.Text                 `json:"synthetic_reason"`
	Reasoning loose.Text                 `json:"reasoning_content"`
	Summary   jsontext.Value             `json:"summary"`
	Kind      jsontext.Value             `json:"kind"`
	Calls     loose.List[jsontext.Value] `json:"tool_calls"`
}

type update struct {
	Kind    loose.Text     `json:"sessionUpdate"`
	Content jsontext.Value `json:"content"`
	Call    loose.Text     `json:"toolCallId"`
	Title   loose.Text     `json:"title"`
	Input   jsontext.Value `json:"rawInput"`
	Output  jsontext.Value `json:"rawOutput"`
}

// state is what is needed to continue reading from a mark.
type state struct {
	Session string    `json:"session,omitempty"`
	Last    time.Time `json:"last,omitzero"`
}

// reader reads one file. It collects the pieces of a message until another kind follows.
type reader struct {
	s        *session.Session
	session  string
	mark     format.Mark
	open     strings.Builder
	kind     loose.Text
	openedAt time.Time
	unknown  int
}

func read(ctx context.Context, m format.Member, out *format.Out) error {
	if path.Base(m.Path) != record && m.Sibling != nil {
		if _, ok := m.Sibling(record); ok { // which says the same, with times
			out.Warn(format.NotConversations, 1)
			return context.Cause(ctx)
		}
	}
	var before state
	if m.From.Offset > 0 && json.Unmarshal([]byte(m.From.State), &before) != nil {
		return format.ErrRewritten
	}
	r := reader{s: session.New(Platform, "Grok Build", before.Last), session: before.Session}
	if err := lines.Each(ctx, m, out, r.line); err != nil {
		return err
	}
	r.flush()
	return r.handOver(m, out)
}

func (r *reader) handOver(m format.Member, out *format.Out) error {
	about := summaryOf(m)
	u := &r.s.Upload
	for _, id := range []string{string(about.Info.ID), r.session, path.Base(path.Dir(m.Path)), path.Base(m.Path)} {
		if u.ExternalID == "" && id != "." && id != "/" {
			u.ExternalID = id
		}
	}
	if u.Title = string(about.Title); u.Title == "" {
		u.Title = string(about.Summary)
	}
	u.Source.Project = string(about.Info.Cwd)
	u.CreatedAt, u.UpdatedAt = about.Created.Time, about.Updated.Time
	out.Warn(format.UnknownBlock, r.unknown)
	if r.mark.Offset > 0 {
		out.Mark(r.mark)
	}
	return r.s.HandOver(format.Place{Member: m.Path}, out)
}

func (r *reader) line(at lines.Place, l line) error {
	if l.Params.Update.Kind != "" {
		if l.Params.Session != "" {
			r.session = string(l.Params.Session)
		}
		r.update(at, l.Params.Update, l.Time.Time)
		return nil
	}
	r.history(l)
	return nil
}

// update takes a notification of the record.
func (r *reader) update(at lines.Place, u update, when time.Time) {
	switch u.Kind {
	case "user_message_chunk", "agent_message_chunk", "agent_thought_chunk":
		if r.kind != u.Kind {
			r.flush()
			if u.Kind == "user_message_chunk" {
				r.setMark(at, when)
			}
			r.kind, r.openedAt = u.Kind, when
		}
		text, _ := texts(u.Content)
		r.open.WriteString(text)
	case "tool_call", "tool_call_update":
		r.flush()
		r.call(u, when)
	default: // plans, modes, the end of a turn
		r.flush()
	}
}

// call takes a call of a tool, or its result, which has the same id.
func (r *reader) call(u update, when time.Time) {
	parts := []string{string(u.Title), loose.Compact(u.Input), loose.Compact(u.Output)}
	if text, _ := texts(u.Content); text != "" {
		parts = append(parts, text)
	}
	m := chat.UploadMessage{
		Role: session.Tool, Hidden: true, CreatedAt: when, ExternalID: string(u.Call) + "#" + string(u.Kind),
		Text: strings.Join(strings.Fields(strings.Join(parts, " ")), " "),
	}
	if u.Call == "" {
		r.s.AddBegun(m)
		return
	}
	if m.Text != "" { // an update of the state alone says nothing
		r.s.Add(m)
	}
}

// setMark sets the mark from which a later reading continues: this prompt, if no other message has the same second,
// because ids are made from times, which are in seconds.
func (r *reader) setMark(at lines.Place, when time.Time) {
	if at.Offset == 0 || r.s.Last().IsZero() || !when.After(r.s.Last()) {
		return
	}
	text, err := json.Marshal(state{Session: r.session, Last: r.s.Last()})
	if err == nil {
		r.mark = format.Mark{Offset: at.Offset, Line: at.Line - 1, State: string(text)}
	}
}

// flush adds the message whose pieces were collected.
func (r *reader) flush() {
	text := r.open.String()
	r.open.Reset()
	kind := r.kind
	r.kind = ""
	m := chat.UploadMessage{Text: text, CreatedAt: r.openedAt}
	switch kind {
	case "":
		return
	case "user_message_chunk":
		context, prompt := injected.Split(text)
		for _, c := range context {
			r.s.AddBegun(chat.UploadMessage{Role: session.System, Text: c, Hidden: true, CreatedAt: r.openedAt})
		}
		if prompt == "" {
			return
		}
		m.Role, m.Text = session.Human, prompt
	case "agent_message_chunk":
		m.Role = session.Assistant
	default:
		m.Role, m.Hidden = session.Assistant, true
		r.s.Add(withID(m, "thought"))
		return
	}
	r.s.AddBegun(m)
}

// withID gives a thought an id of its own kind, since an answer may begin in the same second.
func withID(m chat.UploadMessage, kind string) chat.UploadMessage {
	m.ExternalID = kind + "-" + session.ID(m.Role, m.CreatedAt, m.Text)
	return m
}

// injected is what Grok Build puts into the user's turns.
var injected = session.Injected{Tags: []string{
	"user_info", "system-reminder", "system_reminder", "skills", "git_status", "project_layout", "project_instructions", "user_query_context",
}}

// history takes a line of the derived file. Its messages have no ids, so that a later
// reading of the record finds them by their texts.
func (r *reader) history(l line) {
	kind := l.Type
	if kind == "" {
		kind = l.Role
	}
	text, files := texts(l.Content)
	m := chat.UploadMessage{Text: text, Files: files}
	switch kind {
	case "user":
		if l.Synthetic != "" && l.Synthetic != "interjection" {
			m.Role, m.Hidden = session.System, true
			break
		}
		for _, one := range injected.Prompt(m) {
			r.s.Add(one)
		}
		return
	case "assistant":
		if l.Reasoning != "" {
			r.s.Add(chat.UploadMessage{Role: session.Assistant, Text: string(l.Reasoning), Hidden: true})
		}
		m.Role = session.Assistant
		if text != "" || len(l.Calls) == 0 {
			r.s.Add(m)
		}
		for _, c := range l.Calls {
			r.s.Add(chat.UploadMessage{Role: session.Tool, Text: toolCall(c), Hidden: true})
		}
		return
	case "reasoning":
		m.Text, _ = texts(l.Summary)
		m.Role, m.Hidden = session.Assistant, true
	case "tool", "tool_result":
		m.Role, m.Hidden = session.Tool, true
	case "backend_tool_call":
		m.Role, m.Text, m.Hidden = session.Tool, loose.Compact(l.Kind), true
	case "system":
		m.Role, m.Hidden = session.System, true
	default:
		r.unknown++
		return
	}
	r.s.Add(m)
}

// toolCall writes down a call of a tool in either form.
func toolCall(v jsontext.Value) string {
	var c struct {
		Name      loose.Text `json:"name"`
		Arguments loose.Text `json:"arguments"`
		Function  struct {
			Name      loose.Text `json:"name"`
			Arguments loose.Text `json:"arguments"`
		} `json:"function"`
	}
	if json.Unmarshal(v, &c, lines.Options) != nil {
		return ""
	}
	return strings.TrimSpace(string(c.Name+c.Function.Name) + " " + string(c.Arguments+c.Function.Arguments))
}

// texts returns the text of a content: a text, a part, or a list of parts, which may
// themselves have a content.
func texts(v jsontext.Value) (text string, files []string) {
	if v.Kind() == '"' {
		return loose.String(v), nil
	}
	type part struct {
		Type    loose.Text `json:"type"`
		Text    loose.Text `json:"text"`
		Mime    loose.Text `json:"mimeType"`
		Content *struct {
			Text loose.Text `json:"text"`
		} `json:"content"`
	}
	var parts loose.List[part]
	if v == nil || json.Unmarshal(v, &parts, lines.Options) != nil {
		return "", nil
	}
	var said []string
	for _, p := range parts {
		switch {
		case p.Content != nil:
			said = append(said, string(p.Content.Text))
		case p.Text != "":
			said = append(said, string(p.Text))
		case p.Type == "image" || p.Type == "audio":
			files = append(files, string(p.Type))
		}
	}
	return strings.Join(said, "\n"), files
}
