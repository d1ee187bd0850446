package claude

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/lethe-chat/lethe/internal/exports/draft"
	"github.com/lethe-chat/lethe/internal/exports/elements"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/loose"
	"github.com/lethe-chat/lethe/internal/exports/tree"
)

// roots is how the parents of first messages begin. They name no message.
const roots = "00000000-0000-"

type reader struct{ out *format.Out }

// conversation hands one conversation over.
func (r *reader) conversation(c *conversation, at format.Place) error {
	if c.UUID == "" && len(c.Messages) == 0 && len(c.Designed) == 0 {
		return elements.Unusable("it has neither an id nor messages")
	}
	to := draft.New(Platform, "Claude", c.id(), at)
	to.Title = string(c.Name)
	if to.Title == "" {
		to.Title = string(c.Title)
	}
	to.CreatedAt, to.UpdatedAt = c.CreatedAt.Time, c.UpdatedAt.Time
	to.Source.Project = string(c.Project.Value.Name)
	if c.Starred != nil {
		to.Source.Starred = (*bool)(c.Starred)
	}
	if len(c.Messages) == 0 && len(c.Designed) > 0 {
		r.designed(to, c.Designed)
		return to.Hand(r.out)
	}
	if c.UUID != "" {
		to.Source.Link = "https://claude.ai/chat/" + string(c.UUID)
	}
	before := ""
	for i := range c.Messages {
		m := &c.Messages[i]
		id := string(m.UUID)
		if id == "" {
			id = hash(to.ExternalID, before, string(m.Sender), string(m.Text))
		}
		to.Node(tree.Node{ID: id, Parent: m.parent(before), At: m.CreatedAt.Time}, r.said(id, m)...)
		before = id
	}
	to.Arrange("", r.out) // the export does not say which answer is shown: the newest
	return to.Hand(r.out)
}

// parent returns the id of the message before this one. Older exports do not name it: then
// it is the one before it in the file.
func (m *message) parent(before string) string {
	switch {
	case strings.HasPrefix(string(m.Parent), roots):
		return ""
	case m.Parent == "":
		return before
	}
	return string(m.Parent)
}

// id returns the id of the conversation, or a hash of its beginning, which stays when it
// grows.
func (c *conversation) id() string {
	if c.UUID != "" {
		return string(c.UUID)
	}
	first := ""
	if len(c.Messages) > 0 {
		first = string(c.Messages[0].UUID + c.Messages[0].Text)
	} else if len(c.Designed) > 0 {
		first = string(c.Designed[0].UUID)
	}
	return hash(c.CreatedAt.String(), first)
}

func hash(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// designed adds the messages of Claude Design, which follow each other.
func (r *reader) designed(to *draft.Chat, messages []designedMessage) {
	for i := range messages {
		m := &messages[i]
		content := &m.Content.Value
		role, at := m.Role, m.CreatedAt
		if role == "" {
			role = content.Role
		}
		if at.IsZero() {
			at = content.Timestamp
		}
		p := parts{out: r.out}
		if m.Content.Other != nil {
			content.Text = loose.Text(loose.String(m.Content.Other))
		}
		p.blocks(content.Blocks)
		if len(p.text) == 0 && content.Text != "" {
			p.text = []string{string(content.Text)}
		}
		for _, said := range p.messages(string(m.UUID), sender(string(role))) {
			said.CreatedAt = at.Time
			to.Say(said)
		}
	}
}

func sender(s string) string {
	switch s {
	case "human", "user":
		return "human"
	case "assistant", "system", "tool":
		return s
	}
	return "assistant"
}
