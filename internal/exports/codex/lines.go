package codex

import (
	"context"
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

// line is one line of any generation: an envelope, or a bare item.
type line struct {
	Time       loose.Time     `json:"timestamp"`
	Payload    jsontext.Value `json:"payload"`
	RecordType loose.Text     `json:"record_type"`
	// The first generation is one document.
	Session *meta                `json:"session"`
	Items   loose.List[bareItem] `json:"items"`

	bareItem
}

// bareItem is a value of the generations without an envelope.
type bareItem struct {
	meta
	item
}

// meta describes a session.
type meta struct {
	ID     loose.Text     `json:"id"`
	Time   loose.Time     `json:"timestamp"`
	Cwd    loose.Text     `json:"cwd"`
	Forked loose.Text     `json:"forked_from_id"`
	Source jsontext.Value `json:"source"`
}

// parent returns the id of the session that this one was forked from, or that started it.
func (m meta) parent() string {
	var source struct {
		Subagent struct {
			Spawn struct {
				Parent loose.Text `json:"parent_thread_id"`
			} `json:"thread_spawn"`
		} `json:"subagent"`
	}
	_ = json.Unmarshal(m.Source, &source, lines.Options) // a text in most sessions
	if source.Subagent.Spawn.Parent != "" {
		return string(source.Subagent.Spawn.Parent)
	}
	return string(m.Forked)
}

// item is an input or an output of the model, or an event.
type item struct {
	Type      loose.Text             `json:"type"`
	Role      loose.Text             `json:"role"`
	Content   jsontext.Value         `json:"content"`
	Summary   jsontext.Value         `json:"summary"`
	Name      loose.Text             `json:"name"`
	Arguments jsontext.Value         `json:"arguments"`
	Input     jsontext.Value         `json:"input"`
	Output    jsontext.Value         `json:"output"`
	Action    jsontext.Value         `json:"action"`
	Message   loose.Text             `json:"message"`
	Text      loose.Text             `json:"text"`
	Images    loose.List[loose.Text] `json:"local_images"`
	Turn      loose.Text             `json:"turn_id"`
	Title     loose.Text             `json:"thread_name"`
}

// reader reads one file.
type reader struct {
	m      format.Member
	before state
	mark   format.Mark

	id, cwd, title string
	began          time.Time
	replayed       map[string]bool // turns of the parent
	replaying      bool            // the current lines are a copy of the parent's
	items, events  *session.Session
	hasItems       bool
	lines, known   int
	unknown        int
}

func (r *reader) line(ctx context.Context, at lines.Place, l line) error {
	r.lines++
	when := l.Time.Time
	switch {
	case l.Session != nil:
		r.document(l)
	case l.Payload != nil:
		return r.envelope(ctx, at, l, when)
	case l.RecordType != "":
	case l.Type == "" && l.Role == "" && l.ID != "":
		r.begin(l.meta, when)
	default:
		r.item(at, l.item, when)
	}
	return nil
}

// document reads the first generation, which is one value.
func (r *reader) document(l line) {
	r.begin(*l.Session, l.Session.Time.Time)
	for _, i := range l.Items {
		r.item(lines.Place{}, i.item, time.Time{})
	}
}

// begin takes the description of the session. A child may repeat the description of its parent; only the first one
// counts.
func (r *reader) begin(m meta, when time.Time) {
	if r.id != "" {
		return
	}
	r.id, r.cwd, r.began = string(m.ID), string(m.Cwd), when
}

func (r *reader) envelope(ctx context.Context, at lines.Place, l line, when time.Time) error {
	switch l.Type {
	case "session_meta":
		var m meta
		if !r.decode(l.Payload, &m) {
			return nil
		}
		if r.id == "" {
			r.replayed = parentTurns(ctx, r.m, m.parent())
			r.replaying = len(r.replayed) > 0
		}
		r.begin(m, when)
		return nil
	case "response_item", "event_msg", "turn_context", "compacted":
	default:
		return nil
	}
	var i item
	if !r.decode(l.Payload, &i) {
		return nil
	}
	switch l.Type {
	case "turn_context":
		r.replaying = r.replaying && (i.Turn == "" || r.replayed[string(i.Turn)])
	case "event_msg":
		r.event(i, when)
	case "compacted":
		r.add(r.items, chat.UploadMessage{Role: session.System, Text: string(i.Message), Hidden: true, CreatedAt: when})
	default:
		r.item(at, i, when)
	}
	return nil
}

// decode decodes a payload, or counts one that has another form.
func (r *reader) decode(payload jsontext.Value, v any) bool {
	if json.Unmarshal(payload, v, lines.Options) != nil {
		r.unknown++
		return false
	}
	return true
}

// event takes what was shown. The messages among the events are used only when the session
// has no response items, which say the same.
func (r *reader) event(i item, when time.Time) {
	switch i.Type {
	case "user_message":
		r.known++
		for _, m := range injected.Prompt(chat.UploadMessage{Text: string(i.Message), CreatedAt: when}) {
			r.add(r.events, m)
		}
	case "agent_message":
		r.known++
		r.add(r.events, chat.UploadMessage{Role: session.Assistant, Text: string(i.Message), CreatedAt: when})
	case "agent_reasoning":
		r.add(r.events, chat.UploadMessage{Role: session.Assistant, Text: string(i.Text), Hidden: true, CreatedAt: when})
	case "thread_name_updated":
		r.title = string(i.Title)
	}
}

// injected is what Codex puts into the user's turns.
var injected = session.Injected{
	Tags: []string{
		"environment_context", "user_instructions", "permissions", "INSTRUCTIONS", "collaboration_mode", "recommended_plugins", "skills",
		"skill", "turn_aborted", "subagent_notification", "goal_context", "codex_internal_context", "user_shell_command", "app-context",
	},
	Prefixes: []string{"# AGENTS.md instructions"},
}

func (r *reader) item(at lines.Place, i item, when time.Time) {
	switch {
	case i.Type == "message" || i.Type == "" && i.Role != "":
		r.message(at, i, when)
	case i.Type == "reasoning":
		text := texts(i.Summary)
		if text == "" {
			text = texts(i.Content)
		}
		r.add(r.items, chat.UploadMessage{Role: session.Assistant, Text: text, Hidden: true, CreatedAt: when})
	case strings.HasSuffix(string(i.Type), "_call_output") || strings.HasSuffix(string(i.Type), "_tool_output"):
		r.tool(texts(i.Output), when)
	case i.Type == "function_call" || strings.HasSuffix(string(i.Type), "_call"):
		r.tool(call(i), when)
	case i.Type == "ghost_snapshot" || i.Type == "compaction" || i.Type == "":
	default:
		r.unknown++
	}
}

func (r *reader) tool(text string, when time.Time) {
	r.add(r.items, chat.UploadMessage{Role: session.Tool, Text: text, Hidden: true, CreatedAt: when})
}

// call writes down a call of a tool: its name and what it was given.
func call(i item) string {
	name := string(i.Name)
	if name == "" {
		name = strings.TrimSuffix(string(i.Type), "_call")
	}
	for _, given := range []jsontext.Value{i.Arguments, i.Input, i.Action} {
		switch given.Kind() {
		case '"':
			return name + " " + loose.String(given)
		case '{', '[':
			return name + " " + loose.Compact(given)
		}
	}
	return name
}

// message takes a message of the model's view of the conversation.
func (r *reader) message(at lines.Place, i item, when time.Time) {
	r.hasItems = true
	r.known++
	switch i.Role {
	case "user":
		r.user(at, i, when)
	case "assistant":
		r.add(r.items, chat.UploadMessage{Role: session.Assistant, Text: texts(i.Content), CreatedAt: when})
	default: // system and developer
		r.add(r.items, chat.UploadMessage{Role: session.System, Text: texts(i.Content), Hidden: true, CreatedAt: when})
	}
}

// user divides a user's turn into what Codex put in and what was typed. Codex writes both
// as parts of one message.
func (r *reader) user(at lines.Place, i item, when time.Time) {
	var typed []string
	var files []string
	for _, p := range parts(i.Content) {
		if p.Type == "input_image" {
			files = append(files, "image")
			continue
		}
		context, prompt := injected.Split(string(p.Text))
		for _, text := range context {
			r.add(r.items, chat.UploadMessage{Role: session.System, Text: text, Hidden: true, CreatedAt: when})
		}
		if prompt != "" {
			typed = append(typed, prompt)
		}
	}
	if len(typed) == 0 && len(files) == 0 {
		return
	}
	if at.Offset > 0 && when.After(r.items.Last()) && !r.replaying && len(r.items.Upload.Messages) > 0 {
		r.setMark(at)
	}
	r.add(r.items, chat.UploadMessage{Role: session.Human, Text: strings.Join(typed, "\n\n"), Files: files, CreatedAt: when})
}

// setMark lets a later reading go on from this prompt.
func (r *reader) setMark(at lines.Place) {
	text, err := json.Marshal(state{Session: r.id, Cwd: r.cwd, Items: r.hasItems, Last: r.items.Last()})
	if err == nil {
		r.mark = format.Mark{Offset: at.Offset, Line: at.Line - 1, State: string(text)}
	}
}

// add adds a message, which has no id of its own, unless it is the parent's.
func (r *reader) add(s *session.Session, m chat.UploadMessage) {
	if r.replaying {
		return
	}
	s.AddUnnamed(m)
}

// part is one part of a message.
type part struct {
	Type loose.Text `json:"type"`
	Text loose.Text `json:"text"`
}

// parts returns the parts of a content, which may be a text or an object with one.
func parts(v jsontext.Value) []part {
	if v.Kind() == '"' {
		return []part{{Text: loose.Text(loose.String(v))}}
	}
	var all loose.List[part]
	if json.Unmarshal(v, &all, lines.Options) != nil {
		return nil
	}
	return all
}

// texts returns the texts of a content, or of an output with a content.
func texts(v jsontext.Value) string {
	var said []string
	for _, p := range parts(v) {
		if p.Text != "" {
			said = append(said, string(p.Text))
		}
	}
	if len(said) > 0 || v.Kind() != '{' {
		return strings.Join(said, "\n\n")
	}
	var output struct {
		Content jsontext.Value `json:"content"`
		Output  jsontext.Value `json:"output"`
	}
	if json.Unmarshal(v, &output, lines.Options) != nil {
		return ""
	}
	if output.Content != nil && output.Content.Kind() != '{' {
		return texts(output.Content)
	}
	return loose.String(output.Output)
}
