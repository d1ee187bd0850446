package chatgpt

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/hygiene"
	"github.com/lethe-chat/lethe/internal/exports/loose"
	"github.com/lethe-chat/lethe/internal/exports/times"
	"github.com/lethe-chat/lethe/internal/exports/tree"
)

type reader struct {
	out   *format.Out
	names func() map[string]string // of files, by their ids
}

// conversation hands one conversation over.
func (r *reader) conversation(c *conversation, at format.Place) error {
	nodes := c.Mapping.nodes
	links := make([]tree.Node, len(nodes))
	for i := range nodes {
		n := &nodes[i]
		links[i] = tree.Node{ID: n.key, Parent: n.parent, At: n.said.CreatedAt, Empty: !n.says && n.document == ""}
	}
	order := tree.Arrange(links, string(c.CurrentNode))
	messages := make([]chat.UploadMessage, 0, len(order.Nodes))
	documents := map[string]bool{} // each step of deep research repeats the report
	for _, placed := range order.Nodes {
		n := &nodes[placed.Index]
		if n.document != "" {
			if documents[n.document] {
				n.document = ""
			}
			documents[n.document] = true
		}
		messages = r.messages(messages, n, placed.Branch)
	}
	for warning, count := range c.Mapping.found.Warnings {
		r.out.Warn(warning, count)
	}
	if len(messages) == 0 {
		r.out.Warn(format.EmptyChat, 1)
		return nil
	}
	r.out.Warn(format.MissingParent, order.MissingParents)
	r.out.Warn(format.TimeInferred, times.Fill(messages, c.CreateTime.Time, c.UpdateTime.Time))
	onlyOnce(messages)
	return r.out.Conversation(format.Conversation{Place: at, Upload: c.upload(messages)})
}

// upload returns the conversation with its messages.
func (c *conversation) upload(messages []chat.UploadMessage) chat.Upload {
	u := chat.Upload{
		Platform: Platform, DisplayName: "ChatGPT", ExternalID: c.id(messages), Title: title(string(c.Title)),
		CreatedAt: c.CreateTime.Time, UpdatedAt: c.UpdateTime.Time, TellsMarks: true, Messages: messages,
		Source: chat.Source{Archived: known(c.Archived), Starred: known(c.Starred), Project: c.project()},
	}
	if c.ConversationID != "" || c.ID != "" {
		u.Source.Link = "https://chatgpt.com/c/" + u.ExternalID
	}
	first, last := times.Span(messages)
	if u.CreatedAt.IsZero() {
		u.CreatedAt = first
	}
	if u.UpdatedAt.IsZero() {
		u.UpdatedAt = last
	}
	return u
}

// id returns the id of the conversation, or a hash of its first message and date, which
// stay when it grows.
func (c *conversation) id(messages []chat.UploadMessage) string {
	if c.ConversationID != "" {
		return string(c.ConversationID)
	}
	if c.ID != "" {
		return string(c.ID)
	}
	sum := sha256.Sum256([]byte(c.CreateTime.String() + "\x00" + messages[0].ExternalID))
	return hex.EncodeToString(sum[:16])
}

// project returns the id of the project; its name is not in the export. Other gizmos are
// custom GPTs.
func (c *conversation) project() string {
	for _, id := range []loose.Text{c.TemplateID, c.GizmoID} {
		if strings.HasPrefix(string(id), "g-p-") {
			return string(id)
		}
	}
	return ""
}

func known(flag *loose.Flag) *bool {
	if flag == nil {
		return nil
	}
	return (*bool)(flag)
}

// title returns the title that a person or the model gave.
func title(s string) string {
	if s == "New chat" {
		return ""
	}
	return hygiene.Text(s)
}

// onlyOnce removes the id of a message that an earlier one has already, as happens in files
// that were put together by other programs.
func onlyOnce(messages []chat.UploadMessage) {
	seen := make(map[string]bool, len(messages))
	for i := range messages {
		id := &messages[i].ExternalID
		if seen[*id] {
			*id = ""
		}
		seen[*id] = true
	}
}
