// Package kimi reads the sessions of Kimi CLI and of Kimi Code: the files wire.jsonl, which record the prompts and
// the answers. Only the folder of a file says which session it is.
package kimi

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
const Platform = "kimi"

// Format returns the format.
func Format() format.Format {
	return format.Format{
		Name: "kimi", Title: "Kimi CLI session", Platform: Platform,
		LookFor: "JSON lines with `message.type` `TurnBegin`, or of type `turn.prompt`",
		Matches: func(s *format.Sample) bool {
			l, ok := session.LinesOf(s)
			return ok && (l.Is("message.type", "TurnBegin") || l.Is("type", "turn.prompt") && l.Has("input") ||
				l.Is("type", "metadata") && l.Has("protocol_version"))
		},
		Read: read, Resumes: true,
	}
}

// line is one line of either generation: Kimi CLI has a message with a type, Kimi Code has
// the type itself.
type line struct {
	Type    loose.Text `json:"type"`
	Time    loose.Time `json:"timestamp"`
	Code    loose.Time `json:"time"` // Kimi Code
	Message struct {
		Type    loose.Text     `json:"type"`
		Payload jsontext.Value `json:"payload"`
	} `json:"message"`
	Input loose.List[part] `json:"input"`
	Event struct {
		Type   loose.Text     `json:"type"`
		Part   part           `json:"part"`
		Name   loose.Text     `json:"name"`
		Args   jsontext.Value `json:"args"`
		Result struct {
			Output  jsontext.Value `json:"output"`
			Message loose.Text     `json:"message"`
		} `json:"result"`
	} `json:"event"`
	Cwd loose.Text `json:"cwd"`
}

type part struct {
	Type  loose.Text `json:"type"`
	Text  loose.Text `json:"text"`
	Think loose.Text `json:"think"`
}

// payload is that of a message of Kimi CLI.
type payload struct {
	part
	UserInput jsontext.Value `json:"user_input"`
	Function  struct {
		Name      loose.Text `json:"name"`
		Arguments loose.Text `json:"arguments"`
	} `json:"function"`
	Return struct {
		Output  jsontext.Value `json:"output"`
		Message loose.Text     `json:"message"`
	} `json:"return_value"`
}

// state is what is needed to continue reading from a mark.
type state struct {
	Turn int       `json:"turn"` // turns before the mark
	Cwd  string    `json:"cwd,omitempty"`
	Last time.Time `json:"last,omitzero"`
}

// reader reads one file. It collects the pieces of an answer until something else follows.
type reader struct {
	s    *session.Session
	turn int
	mark format.Mark
	cwd  string

	said, thought strings.Builder
	saidAt        time.Time
	thoughtAt     time.Time
}

func read(ctx context.Context, m format.Member, out *format.Out) error {
	var before state
	if m.From.Offset > 0 && json.Unmarshal([]byte(m.From.State), &before) != nil {
		return format.ErrRewritten
	}
	r := reader{s: session.New(Platform, "Kimi", before.Last), turn: before.Turn, cwd: before.Cwd}
	if err := lines.Each(ctx, m, out, r.line); err != nil {
		return err
	}
	r.flush()
	r.s.Upload.ExternalID, r.s.Upload.Source.Project = idOf(m.Path), r.cwd
	r.s.Upload.Title = titleOf(m)
	if r.mark.Offset > 0 {
		out.Mark(r.mark)
	}
	return r.s.HandOver(format.Place{Member: m.Path}, out)
}

// idOf returns the id of a session, which only the path says: <session>/wire.jsonl, or
// <session>/agents/<agent>/wire.jsonl. The main agent is the session itself.
func idOf(file string) string {
	dir := path.Dir(file)
	if path.Base(path.Dir(dir)) != "agents" {
		if base := path.Base(dir); base != "." && base != "/" {
			return base
		}
		return strings.TrimSuffix(path.Base(file), path.Ext(file))
	}
	id := path.Base(path.Dir(path.Dir(dir)))
	if agent := path.Base(dir); agent != "main" {
		id += "/" + agent
	}
	return id
}

// titleOf returns the title in the file state.json beside the session, or "".
func titleOf(m format.Member) string {
	if m.Sibling == nil {
		return ""
	}
	at := "state.json"
	if dir := path.Dir(m.Path); path.Base(path.Dir(dir)) == "agents" {
		if path.Base(dir) != "main" {
			return ""
		}
		at = "../../state.json"
	}
	file, ok := m.Sibling(at)
	if !ok {
		return ""
	}
	in, err := file.Open()
	if err != nil {
		return ""
	}
	defer in.Close()
	var s struct {
		Title  loose.Text `json:"title"`
		Custom loose.Text `json:"custom_title"`
	}
	if json.UnmarshalRead(in, &s, lines.Options) != nil {
		return ""
	}
	if s.Custom != "" {
		return string(s.Custom)
	}
	return string(s.Title)
}

func (r *reader) line(at lines.Place, l line) error {
	when := l.Time.Time
	if when.IsZero() {
		when = l.Code.Time
	}
	if l.Cwd != "" {
		r.cwd = string(l.Cwd)
	}
	if l.Message.Type != "" {
		r.cli(at, l, when)
		return nil
	}
	switch l.Type {
	case "turn.prompt", "turn.steer":
		r.prompt(at, l.Input, when)
	case "context.append_loop_event":
		r.code(l, when)
	}
	return nil
}

// cli takes a line of Kimi CLI.
func (r *reader) cli(at lines.Place, l line, when time.Time) {
	var p payload
	if json.Unmarshal(l.Message.Payload, &p, lines.Options) != nil {
		return
	}
	switch l.Message.Type {
	case "TurnBegin", "SteerInput":
		r.prompt(at, partsOf(p.UserInput), when)
	case "ContentPart":
		r.piece(p.part, when)
	case "ToolCall":
		r.tool(string(p.Function.Name)+" "+string(p.Function.Arguments), when)
	case "ToolResult":
		r.result(p.Return.Output, p.Return.Message, when)
	case "TurnEnd", "StepBegin":
		r.flush()
	}
}

// code takes an event of Kimi Code.
func (r *reader) code(l line, when time.Time) {
	switch l.Event.Type {
	case "content.part":
		r.piece(l.Event.Part, when)
	case "tool.call":
		r.tool(string(l.Event.Name)+" "+loose.Compact(l.Event.Args), when)
	case "tool.result":
		r.result(l.Event.Result.Output, l.Event.Result.Message, when)
	case "step.end", "step.begin":
		r.flush()
	}
}

func partsOf(v jsontext.Value) loose.List[part] {
	if v.Kind() == '"' {
		return loose.List[part]{{Type: "text", Text: loose.Text(loose.String(v))}}
	}
	var all loose.List[part]
	_ = json.Unmarshal(v, &all, lines.Options) // a list of the parts that are known
	return all
}

// prompt begins a turn. A later reading can go on from here.
func (r *reader) prompt(at lines.Place, input loose.List[part], when time.Time) {
	r.flush()
	if r.turn > 0 && at.Offset > 0 && when.After(r.s.Last()) {
		text, err := json.Marshal(state{Turn: r.turn, Cwd: r.cwd, Last: r.s.Last()})
		if err == nil {
			r.mark = format.Mark{Offset: at.Offset, Line: at.Line - 1, State: string(text)}
		}
	}
	r.turn++
	var said, files []string
	for _, p := range input {
		switch {
		case p.Text != "":
			said = append(said, string(p.Text))
		case p.Type != "" && p.Type != "text":
			files = append(files, string(p.Type))
		}
	}
	r.s.AddBegun(chat.UploadMessage{Role: session.Human, Text: strings.Join(said, "\n"), Files: files, CreatedAt: when})
}

// piece collects a piece of an answer, or of a thought.
func (r *reader) piece(p part, when time.Time) {
	switch p.Type {
	case "text":
		if r.thought.Len() > 0 {
			r.flush()
		}
		if r.said.Len() == 0 {
			r.saidAt = when
		}
		r.said.WriteString(string(p.Text))
	case "think":
		if r.said.Len() > 0 {
			r.flush()
		}
		if r.thought.Len() == 0 {
			r.thoughtAt = when
		}
		r.thought.WriteString(string(p.Think + p.Text))
	}
}

func (r *reader) tool(text string, when time.Time) {
	r.flush()
	r.s.AddBegun(chat.UploadMessage{Role: session.Tool, Text: text, Hidden: true, CreatedAt: when})
}

func (r *reader) result(output jsontext.Value, message loose.Text, when time.Time) {
	var said []string
	for _, p := range partsOf(output) {
		said = append(said, string(p.Text))
	}
	text := strings.Join(said, "\n")
	if text == "" {
		text = string(message)
	}
	r.tool(text, when)
}

// flush adds what was collected.
func (r *reader) flush() {
	if r.thought.Len() > 0 {
		r.s.AddBegun(chat.UploadMessage{Role: session.Assistant, Text: r.thought.String(), Hidden: true, CreatedAt: r.thoughtAt})
		r.thought.Reset()
	}
	if r.said.Len() > 0 {
		r.s.AddBegun(chat.UploadMessage{Role: session.Assistant, Text: r.said.String(), CreatedAt: r.saidAt})
		r.said.Reset()
	}
}
