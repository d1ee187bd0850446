// Package openwebui reads the chat exports of Open WebUI: all chats in an array, or one chat
// alone.
package openwebui

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/draft"
	"github.com/lethe-chat/lethe/internal/exports/elements"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/loose"
	"github.com/lethe-chat/lethe/internal/exports/tree"
)

const platform = "openwebui"

// Format returns the reader.
func Format() format.Format {
	return format.Format{
		Name: "openwebui", Title: "Open WebUI export", Platform: platform,
		LookFor: "an array whose elements have `chat` with `history` and `messages`",
		Matches: func(s *format.Sample) bool {
			if s.Kind != format.JSON {
				return false
			}
			for _, at := range []string{"[].chat.", "chat.", "[].", ""} {
				if s.Has(at+"history.messages") && (s.Has(at+"history.currentId") || s.Has(at+"models") || s.Has(at+"title")) {
					return true
				}
			}
			return s.Has("[].chat.messages.[].role") || s.Has("chat.messages.[].role")
		},
		Read: read,
	}
}

// element is a chat with what the program knows of it, or the chat alone.
type element struct {
	ID       loose.Text           `json:"id"`
	Title    loose.Text           `json:"title"`
	Created  loose.Time           `json:"created_at"`
	Updated  loose.Time           `json:"updated_at"`
	Archived *loose.Flag          `json:"archived"`
	Pinned   *loose.Flag          `json:"pinned"`
	Chat     loose.Maybe[body]    `json:"chat"`
	History  loose.Maybe[history] `json:"history"`
	Messages loose.List[message]  `json:"messages"`
	At       loose.Time           `json:"timestamp"`
}

type body struct {
	ID       loose.Text           `json:"id"`
	Title    loose.Text           `json:"title"`
	History  loose.Maybe[history] `json:"history"`
	Messages loose.List[message]  `json:"messages"`
	At       loose.Time           `json:"timestamp"`
}

type history struct {
	Current  loose.Text         `json:"currentId"`
	Messages loose.Map[message] `json:"messages"`
}

type message struct {
	ID      loose.Text         `json:"id"`
	Parent  loose.Text         `json:"parentId"`
	Role    loose.Text         `json:"role"`
	Content content            `json:"content"`
	At      loose.Time         `json:"timestamp"`
	Files   loose.List[file]   `json:"files"`
	Output  loose.List[output] `json:"output"`
}

type file struct {
	Name loose.Text `json:"name"`
	Type loose.Text `json:"type"`
	File loose.Maybe[struct {
		Name loose.Text `json:"filename"`
	}] `json:"file"`
}

func (f file) name() string {
	return cmp.Or(string(f.Name), string(f.File.Value.Name), string(f.Type))
}

func read(ctx context.Context, m format.Member, out *format.Out) error {
	return elements.Each(ctx, m, out, nil, func(e *element, place format.Place) error {
		b := e.Chat.Value
		if e.Chat.Value.History.Value.Messages == nil && len(b.Messages) == 0 { // the chat alone
			b = body{ID: e.ID, Title: e.Title, History: e.History, Messages: e.Messages, At: e.At}
		}
		nodes := b.nodes()
		id := cmp.Or(string(e.ID), string(b.ID), rootOf(nodes))
		if id == "" {
			return elements.Unusable("it has no `id` and no messages with ids")
		}
		c := draft.New(platform, "Open WebUI", id, place)
		c.Title, c.CreatedAt, c.UpdatedAt = cmp.Or(string(e.Title), string(b.Title)), e.Created.Time, e.Updated.Time
		if c.CreatedAt.IsZero() {
			c.CreatedAt = b.At.Time
		}
		c.Source.Archived, c.Source.Starred = mark(e.Archived), mark(e.Pinned)
		for _, n := range nodes {
			c.Node(tree.Node{ID: n.key, Parent: string(n.Parent), At: n.At.Time}, n.messages(out)...)
		}
		c.Arrange(string(b.History.Value.Current), out)
		return c.Hand(out)
	})
}

func mark(f *loose.Flag) *bool {
	if f == nil {
		return nil
	}
	b := bool(*f)
	return &b
}

// node is a message with its id in the tree.
type node struct {
	message
	key string
}

// nodes returns the messages of the history, or of the list that old chats have instead,
// in which each follows the one before unless it names its parent.
func (b *body) nodes() (nodes []node) {
	for key, m := range b.History.Value.Messages {
		m.ID = loose.Text(key)
		nodes = append(nodes, node{m, key})
	}
	if len(nodes) > 0 {
		slices.SortFunc(nodes, func(a, b node) int { return strings.Compare(a.key, b.key) })
		return nodes
	}
	before := ""
	for i, m := range b.Messages {
		n := node{m, cmp.Or(string(m.ID), "message "+strconv.Itoa(i))} // the number is not handed over
		n.Parent = cmp.Or(n.Parent, loose.Text(before))
		before = n.key
		nodes = append(nodes, n)
	}
	return nodes
}

// rootOf returns the id of the first message, which is random and stays the same, for chats
// that have no id of their own.
func rootOf(nodes []node) string {
	var first *node
	for i, n := range nodes {
		if n.ID != "" && n.Parent == "" && (first == nil || n.At.Before(first.At.Time)) {
			first = &nodes[i]
		}
	}
	if first == nil {
		return ""
	}
	return "root-" + first.key
}

// messages returns the thinking, the uses of tools and the text of a message.
func (m *message) messages(out *format.Out) (messages []chat.UploadMessage) {
	sender, hidden := chat.Assistant, false
	switch m.Role {
	case "user":
		sender = chat.Human
	case "system":
		sender, hidden = chat.System, true
	case "tool":
		sender, hidden = chat.Tool, true
	}
	text, work := m.said(out)
	for _, w := range work {
		w.CreatedAt = m.At.Time
		messages = append(messages, w)
	}
	said := chat.UploadMessage{ExternalID: string(m.ID), Role: string(sender), Text: text, CreatedAt: m.At.Time, Hidden: hidden}
	for _, f := range append(slices.Clone(m.Files), m.Content.files...) {
		said.Files = append(said.Files, f.name())
	}
	return append(messages, said)
}
