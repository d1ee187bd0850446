// Package draft builds a conversation from what a reader finds: it cleans texts, leaves out empty messages, orders
// the messages of a tree and fills in times. It does not know any format.
package draft

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/hygiene"
	"github.com/lethe-chat/lethe/internal/exports/times"
	"github.com/lethe-chat/lethe/internal/exports/tree"
)

// Warnings that any format may have.
const (
	RepeatedID format.Warning = "messages with the id of another message lost their id"
	NoTimes    format.Warning = "conversations without any time got that of the import"
)

var errNoID = errors.New("it has no id")

// Chat is a conversation that is being put together. Its fields but for Messages are the
// reader's to set.
type Chat struct {
	chat.Upload
	Place format.Place

	nodes []tree.Node
	said  [][]chat.UploadMessage // by node
	byID  map[string]int
}

// New returns a conversation without messages. name is the platform's name for people.
func New(platform, name, id string, place format.Place) *Chat {
	return &Chat{Upload: chat.Upload{Platform: platform, DisplayName: name, ExternalID: id, TellsMarks: true}, Place: place}
}

// Say appends messages to a conversation that is not a tree.
func (c *Chat) Say(messages ...chat.UploadMessage) { c.Messages = append(c.Messages, messages...) }

// Node adds a node of a tree with its messages, of which there may be none or several. A message without a time gets
// that of the node.
func (c *Chat) Node(n tree.Node, said ...chat.UploadMessage) {
	n.Empty = len(said) == 0
	if c.repeats(&n, said) {
		return
	}
	for i := range said {
		if said[i].CreatedAt.IsZero() {
			said[i].CreatedAt = n.At
		}
	}
	c.nodes = append(c.nodes, n)
	c.said = append(c.said, said)
}

// repeats reports whether a node with the same id and texts was added before. A node that
// has only the id in common with another one is kept, but can have no nodes below it.
func (c *Chat) repeats(n *tree.Node, said []chat.UploadMessage) bool {
	if c.byID == nil {
		c.byID = make(map[string]int)
	}
	earlier, again := c.byID[n.ID]
	if !again {
		c.byID[n.ID] = len(c.nodes)
		return false
	}
	same := slices.EqualFunc(said, c.said[earlier], func(a, b chat.UploadMessage) bool { return a.Text == b.Text && a.Role == b.Role })
	if same || n.Empty {
		return true
	}
	if c.nodes[earlier].Empty { // the first one has no messages
		c.nodes[earlier], c.said[earlier] = *n, said
		return true
	}
	n.ID += "\x00" + strconv.Itoa(len(c.nodes))
	return false
}

// Arrange orders the nodes and adds their messages. leaf is the id of the last node of the active path, or empty if
// the source does not have it.
func (c *Chat) Arrange(leaf string, out *format.Out) {
	order := tree.Arrange(c.nodes, leaf)
	out.Warn(format.MissingParent, order.MissingParents)
	for _, placed := range order.Nodes {
		for _, m := range c.said[placed.Index] {
			if m.Branch == "" {
				m.Branch = placed.Branch
			}
			c.Messages = append(c.Messages, m)
		}
	}
	c.nodes, c.said, c.byID = nil, nil, nil
}

// Hand finishes the conversation and hands it over. A conversation without messages is
// counted and left out; one without an id is a problem.
func (c *Chat) Hand(out *format.Out) error {
	c.Title = strings.TrimSpace(hygiene.Text(c.Title))
	c.clean(out)
	c.dedupe(out)
	if len(c.Messages) == 0 {
		out.Warn(format.EmptyChat, 1)
		return nil
	}
	if c.ExternalID == "" {
		out.Problem(c.Place, errNoID)
		return nil
	}
	out.Warn(format.TimeInferred, times.Fill(c.Messages, c.CreatedAt, c.UpdatedAt))
	if c.Messages[0].CreatedAt.IsZero() { // then none has a time
		out.Warn(NoTimes, 1)
	}
	first, last := times.Span(c.Messages)
	c.CreatedAt = or(c.CreatedAt, first)
	c.UpdatedAt = or(c.UpdatedAt, last)
	return out.Conversation(format.Conversation{Upload: c.Upload, Place: c.Place})
}

func or(t, otherwise time.Time) time.Time {
	if t.IsZero() {
		return otherwise
	}
	return t
}

// clean cleans the texts and leaves out messages with neither text nor files.
func (c *Chat) clean(out *format.Out) {
	kept := c.Messages[:0]
	for _, m := range c.Messages {
		m.Text = hygiene.Text(m.Text)
		m.Files = slices.DeleteFunc(m.Files, func(name string) bool { return strings.TrimSpace(name) == "" })
		if strings.TrimSpace(m.Text) == "" && len(m.Files) == 0 {
			out.Warn(format.EmptyMessage, 1)
			continue
		}
		out.Warn(format.FileNotIncluded, len(m.Files))
		kept = append(kept, m)
	}
	c.Messages = kept
}

// dedupe takes the id away from messages that have the id of an earlier one.
func (c *Chat) dedupe(out *format.Out) {
	seen := make(map[string]bool, len(c.Messages))
	for i := range c.Messages {
		id := &c.Messages[i].ExternalID
		if *id != "" && seen[*id] {
			*id = ""
			out.Warn(RepeatedID, 1)
		}
		seen[*id] = true
	}
}

// Human returns a message of the user.
func Human(id, text string, at time.Time) chat.UploadMessage {
	return chat.UploadMessage{ExternalID: id, Role: string(chat.Human), Text: text, CreatedAt: at}
}

// Assistant returns a message of the model.
func Assistant(id, text string, at time.Time) chat.UploadMessage {
	return chat.UploadMessage{ExternalID: id, Role: string(chat.Assistant), Text: text, CreatedAt: at}
}

// Hidden returns a message that its platform does not show as part of the conversation, such
// as thinking or the result of a tool.
func Hidden(sender chat.Sender, id, text string, at time.Time) chat.UploadMessage {
	return chat.UploadMessage{ExternalID: id, Role: string(sender), Text: text, CreatedAt: at, Hidden: true}
}

// Part returns the id of a part of a message that has a message of its own, such as its
// thinking. It is empty when the message has no id.
func Part(id, part string) string {
	if id == "" {
		return ""
	}
	return id + ":" + part
}
