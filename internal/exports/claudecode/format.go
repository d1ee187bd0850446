// Package claudecode reads the sessions of Claude Code: one JSON value a line, in
// projects/<folder>/<session>.jsonl, and the sessions of its agents in
// <session>/subagents/.
package claudecode

import (
	"context"
	"path"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/lines"
	"github.com/lethe-chat/lethe/internal/exports/session"
)

// Platform is the platform of the conversations.
const Platform = "claude-code"

// Copied counts sessions that contain nothing but what another session of the same project has.
const Copied format.Warning = "sessions that only repeat another session were left out"

// Format returns the format.
func Format() format.Format {
	return format.Format{
		Name: "claudecode", Title: "Claude Code session", Platform: Platform,
		LookFor: "JSON lines with `parentUuid`, `sessionId` and `message.content`",
		Matches: matches, Read: read, Resumes: true,
	}
}

// matches needs more than `type` and `sessionId`: Qwen Code has these too, with `message.parts`, and Qoder, without
// `parentUuid`.
func matches(s *format.Sample) bool {
	l, ok := session.LinesOf(s)
	if !ok || l.Has("message.parts") || !l.Is("type", "user") && !l.Is("type", "assistant") {
		return false
	}
	if l.Has("parentUuid") {
		return l.Has("message.content") || l.Has("message")
	}
	early := !l.Has("uuid") && !l.Has("sessionId") && l.Has("message.content") // versions without ids
	return early && (l.Has("message.usage.input_tokens") || l.Has("attachment.commandMode"))
}

// state is what is needed to continue reading from a mark.
type state struct {
	Session string    `json:"session"`
	Tip     string    `json:"tip"` // the record before the mark
	Last    time.Time `json:"last,omitzero"`
	Agent   bool      `json:"agent,omitempty"` // the file is the session of an agent
}

func read(ctx context.Context, m format.Member, out *format.Out) error {
	r := reader{m: m, agent: agentOf(m.Path)}
	if m.From.Offset > 0 {
		if json.Unmarshal([]byte(m.From.State), &r.before) != nil {
			return format.ErrRewritten
		}
		r.chain.Known, r.session = r.before.Tip, r.before.Session
	} else {
		r.elsewhere = repeated(ctx, m)
	}
	if err := lines.Each(ctx, m, out, r.line); err != nil {
		return err
	}
	return r.handOver(out)
}

// agentOf returns the name of the agent whose session a file is, which only the path says:
// "agent-a1b2" for "<session>/subagents/agent-a1b2.jsonl". It is empty for the session
// itself.
func agentOf(file string) string {
	if !strings.Contains(path.Dir(file)+"/", "/subagents/") {
		return ""
	}
	return stem(file)
}

func stem(file string) string { return strings.TrimSuffix(path.Base(file), path.Ext(file)) }

// handOver puts the conversation together.
func (r *reader) handOver(out *format.Out) error {
	out.Warn(format.MissingParent, r.chain.Missing())
	out.Warn(format.UnknownBlock, r.unknown)
	if r.chain.Len() == 0 && len(r.elsewhere) > 0 {
		out.Warn(Copied, 1)
		return nil
	}
	s := session.New(Platform, "Claude Code", r.before.Last)
	s.Upload.ExternalID, s.Upload.Title = r.id(), r.title()
	s.Upload.Source.Project = r.cwd
	r.chain.Each(joiner{s: s, parts: map[part]bool{}, open: map[string]int{}}.add)
	if r.mark.Offset > 0 {
		out.Mark(r.mark)
	}
	return s.HandOver(format.Place{Member: r.m.Path}, out)
}

// id returns the id of the session. The last line decides, because lines that were copied
// from another session may keep its id.
func (r *reader) id() string {
	id := r.session
	if id == "" { // early versions say it in the file's name alone
		id = stem(r.m.Path)
	}
	if r.agent != "" {
		id += "/" + r.agent
	}
	return id
}

// title returns the title that the user gave, or else the generated one.
func (r *reader) title() string {
	for _, title := range []string{r.customTitle, r.aiTitle, r.summary} {
		if title != "" {
			return title
		}
	}
	return ""
}
