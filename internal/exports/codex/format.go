// Package codex reads the sessions of Codex, which are called rollouts: one JSON value a
// line. It knows three generations: values in an envelope with a type and a payload, bare
// values among lines with a record_type, and one JSON document with a session and items.
package codex

import (
	"context"
	"path"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/lethe-chat/lethe/internal/exports/elements"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/lines"
	"github.com/lethe-chat/lethe/internal/exports/loose"
	"github.com/lethe-chat/lethe/internal/exports/session"
)

// Platform is the platform of the conversations.
const Platform = "codex"

// NoLongerRead warns that a rollout has lines but no message that the reader knows. A new version of Codex may have
// another format.
const NoLongerRead format.Warning = "Codex sessions have lines, but no message in a form that is known"

// Format returns the format.
func Format() format.Format {
	return format.Format{
		Name: "codex", Title: "Codex session", Platform: Platform,
		LookFor: "JSON lines of type `session_meta` or `response_item` with a `payload`",
		Matches: matches, Read: read, Resumes: true,
	}
}

func matches(s *format.Sample) bool {
	l, ok := session.LinesOf(s)
	if !ok {
		return false
	}
	switch {
	case l.Has("payload"):
		return l.Is("type", "session_meta") || l.Is("type", "response_item") || l.Is("type", "event_msg") && l.Has("payload.type")
	case l.Has("items.[].type"):
		return l.Has("session.id")
	case l.Is("record_type", "state"):
		return true
	}
	return l.Has("instructions") && l.Has("id") && l.Has("timestamp") && l.Is("type", "message") && l.Has("role")
}

// state is what is needed to continue reading from a mark.
type state struct {
	Session string    `json:"session"`
	Cwd     string    `json:"cwd,omitempty"`
	Items   bool      `json:"items,omitempty"` // messages are response items, not events
	Last    time.Time `json:"last,omitzero"`
}

func read(ctx context.Context, m format.Member, out *format.Out) error {
	r := reader{m: m}
	if m.From.Offset > 0 {
		if json.Unmarshal([]byte(m.From.State), &r.before) != nil {
			return format.ErrRewritten
		}
		r.id, r.cwd, r.hasItems = r.before.Session, r.before.Cwd, r.before.Items
	}
	r.items, r.events = session.New(Platform, "Codex", r.before.Last), session.New(Platform, "Codex", r.before.Last)
	byLine, err := lines.OneALine(m)
	if err != nil {
		return err
	}
	if byLine {
		err = lines.Each(ctx, m, out, func(at lines.Place, l line) error { return r.line(ctx, at, l) })
	} else { // the first generation
		err = elements.Each(ctx, m, out, nil, func(l *line, _ format.Place) error { return r.line(ctx, lines.Place{}, *l) })
	}
	if err != nil {
		return err
	}
	return r.handOver(out)
}

func (r *reader) handOver(out *format.Out) error {
	out.Warn(format.UnknownBlock, r.unknown)
	s := r.items
	if !r.hasItems { // early versions of some programs write events alone
		s = r.events
	}
	if r.known == 0 && r.lines > 0 && r.before.Session == "" {
		out.Warn(NoLongerRead, 1)
	}
	s.Upload.ExternalID, s.Upload.Title, s.Upload.Source.Project = r.id, r.title, r.cwd
	if r.id == "" { // the first generation says it in the name alone
		s.Upload.ExternalID = strings.TrimPrefix(strings.TrimSuffix(path.Base(r.m.Path), path.Ext(r.m.Path)), "rollout-")
	}
	s.Upload.CreatedAt = r.began
	if r.mark.Offset > 0 {
		out.Mark(r.mark)
	}
	return s.HandOver(format.Place{Member: r.m.Path}, out)
}

// A child, which is a fork or an agent, begins with a copy of its parent's lines with new
// times. Of the copy only the ids of turns are the parent's.

// parentTurns returns the ids of the turns of another session; nil when it is not in the
// source.
func parentTurns(ctx context.Context, m format.Member, id string) map[string]bool {
	if m.All == nil || m.Memo == nil || id == "" {
		return nil
	}
	turns, _ := m.Memo("codex turns "+id, func() any {
		for _, other := range m.All() {
			if other.Path != m.Path && strings.Contains(path.Base(other.Path), id) {
				return turnsOf(ctx, other)
			}
		}
		return map[string]bool(nil)
	}).(map[string]bool)
	return turns
}

func turnsOf(ctx context.Context, m format.Member) map[string]bool {
	turns := map[string]bool{}
	type turn struct {
		Type    loose.Text `json:"type"`
		Payload struct {
			ID loose.Text `json:"turn_id"`
		} `json:"payload"`
	}
	m.From = format.Mark{}
	_ = lines.Each(ctx, m, &format.Out{}, func(_ lines.Place, t turn) error { // reading the file itself will say why
		if t.Type == "turn_context" && t.Payload.ID != "" {
			turns[string(t.Payload.ID)] = true
		}
		return nil
	})
	return turns
}
