// Package librechat reads the conversations that LibreChat exports as JSON, whose messages
// are a list, or are nested in each other.
package librechat

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/draft"
	"github.com/lethe-chat/lethe/internal/exports/elements"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/loose"
	"github.com/lethe-chat/lethe/internal/exports/tree"
)

const platform = "librechat"

// BrokenMessage is the warning about messages that are not valid JSON.
const BrokenMessage format.Warning = "messages that could not be read were left out"

// Format returns the reader.
func Format() format.Format {
	return format.Format{
		Name: "librechat", Title: "LibreChat conversation", Platform: platform,
		LookFor: "an object with `conversationId` and `messagesTree` or `messages`",
		Matches: func(s *format.Sample) bool {
			if s.Kind != format.JSON {
				return false
			}
			for _, at := range []string{"", "[]."} {
				if s.Has(at+"messagesTree") || s.Has(at+"conversationId") && s.Has(at+"messages") &&
					(s.Has(at+"messages.[].messageId") || s.Has(at+"endpoint") || s.Has(at+"exportAt")) {
					return true
				}
			}
			return false
		},
		Read: read,
	}
}

// about is what a file says of a conversation. `exportAt` is a time of day without a date.
type about struct {
	ID       loose.Text  `json:"conversationId"`
	Title    loose.Text  `json:"title"`
	Created  loose.Time  `json:"createdAt"`
	Updated  loose.Time  `json:"updatedAt"`
	Archived *loose.Flag `json:"isArchived"`
}

type message struct {
	ID      loose.Text        `json:"messageId"`
	Chat    loose.Text        `json:"conversationId"`
	Parent  loose.Text        `json:"parentMessageId"`
	User    *loose.Flag       `json:"isCreatedByUser"`
	Sender  loose.Text        `json:"sender"` // the name of the model, unless it is the user
	Text    loose.Text        `json:"text"`
	Content loose.List[block] `json:"content"`
	Created loose.Time        `json:"createdAt"`
	Files   loose.List[file]  `json:"files"`
}

type file struct {
	Name loose.Text `json:"filename"`
	ID   loose.Text `json:"file_id"`
}

// block is a part of a message of an agent.
type block struct {
	Type  loose.Text        `json:"type"`
	Text  text              `json:"text"`
	Think text              `json:"think"`
	Error text              `json:"error"`
	Image loose.Maybe[file] `json:"image_file"`
	Tool  loose.Maybe[struct {
		Name   loose.Text `json:"name"`
		Args   text       `json:"args"`
		Output text       `json:"output"`
	}] `json:"tool_call"`
}

// text is a string, or an object with it. Any other object is kept as JSON.
type text string

// UnmarshalJSONFrom decodes any value.
func (t *text) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*t = ""
	value, err := d.ReadValue()
	if err != nil {
		return err
	}
	var o struct {
		Value *loose.Text `json:"value"`
	}
	switch value.Kind() {
	case '"':
		*t = text(loose.String(value))
	case '{':
		if json.Unmarshal(value, &o, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) == nil && o.Value != nil {
			*t = text(*o.Value)
		} else {
			*t = text(value)
		}
	}
	return nil
}

const bufferBytes = 64 << 10

func read(ctx context.Context, m format.Member, out *format.Out) error {
	file, err := m.Open()
	if err != nil {
		return err
	}
	defer file.Close()
	f := flattener{ctx: ctx, in: bufio.NewReaderSize(file, bufferBytes), max: elements.MaxBytes}
	number := 0
	err = f.each(func(c conversation) error {
		number++
		place := format.Place{Member: m.Path, Element: number}
		d, err := c.chat(place, out)
		if err != nil {
			out.Problem(place, err)
			return nil
		}
		return d.Hand(out)
	})
	if errors.Is(err, errCut) || errors.Is(err, errStructure) || errors.Is(err, errTooLarge) {
		out.Problem(format.Place{Member: m.Path, Element: max(1, number)}, err)
		return nil
	}
	return err
}

// chat returns a conversation. Its messages name their parents, and are also nested in them.
func (c *conversation) chat(place format.Place, out *format.Out) (*draft.Chat, error) {
	var a about
	if err := elements.Decode(c.about.value(), &a); err != nil {
		return nil, err
	}
	messages := make([]message, len(c.messages))
	for i, o := range c.messages {
		if elements.Decode(o.value(), &messages[i]) != nil {
			out.Warn(BrokenMessage, 1)
			messages[i] = message{}
			continue
		}
		a.ID = cmp.Or(a.ID, messages[i].Chat)
	}
	if a.ID == "" {
		return nil, elements.Unusable("it has no `conversationId`")
	}
	d := draft.New(platform, "LibreChat", string(a.ID), place)
	d.Title, d.CreatedAt, d.UpdatedAt = string(a.Title), a.Created.Time, a.Updated.Time
	if a.Archived != nil {
		archived := bool(*a.Archived)
		d.Source.Archived = &archived
	}
	before, linked := "", c.linked(messages)
	for i, msg := range messages {
		if msg.ID == "" {
			continue
		}
		n := tree.Node{ID: string(msg.ID), Parent: c.parent(i, messages), At: msg.Created.Time}
		if !linked { // a list in order
			n.Parent = before
		}
		before = n.ID
		d.Node(n, msg.messages(out)...)
	}
	d.Arrange("", out)
	return d, nil
}

// linked reports whether any message names its parent.
func (c *conversation) linked(messages []message) bool {
	for i := range messages {
		if c.parent(i, messages) != "" {
			return true
		}
	}
	return false
}

// parent returns the id of the message before a message: the one that it names, or the one
// that it is nested in. The first message names an id of zeros.
func (c *conversation) parent(i int, messages []message) string {
	parent := string(messages[i].Parent)
	if above := c.messages[i].above; parent == "" && above >= 0 {
		parent = string(messages[above].ID)
	}
	if strings.Trim(parent, "0-") == "" {
		return ""
	}
	return parent
}

func (m *message) sender() chat.Sender {
	if m.User != nil && bool(*m.User) || m.User == nil && strings.EqualFold(string(m.Sender), "user") {
		return chat.Human
	}
	return chat.Assistant
}

// messages returns the thinking and the uses of tools, and the text.
func (m *message) messages(out *format.Out) (messages []chat.UploadMessage) {
	said := chat.UploadMessage{ExternalID: string(m.ID), Role: string(m.sender()), Text: string(m.Text), CreatedAt: m.Created.Time}
	var texts, thoughts []string
	for _, b := range m.Content {
		switch b.Type {
		case "text":
			texts = append(texts, string(b.Text))
		case "think":
			thoughts = append(thoughts, string(b.Think))
		case "tool_call":
			tool := b.Tool.Value
			used := strings.TrimSpace(strings.Join([]string{string(tool.Name), string(tool.Args), string(tool.Output)}, "\n"))
			messages = append(messages, draft.Hidden(chat.Tool, "", used, m.Created.Time))
		case "image_file", "image_url":
			said.Files = append(said.Files, cmp.Or(b.Image.Value.name(), "image"))
		case "error":
			texts = append(texts, string(b.Error+b.Text))
		default:
			out.Warn(format.UnknownBlock, 1)
		}
	}
	if len(thoughts) > 0 {
		messages = append(messages, draft.Hidden(m.sender(), draft.Part(string(m.ID), "thinking"), strings.Join(thoughts, "\n\n"), m.Created.Time))
	}
	if strings.TrimSpace(said.Text) == "" {
		said.Text = strings.Join(texts, "")
	}
	for _, f := range m.Files {
		said.Files = append(said.Files, f.name())
	}
	return append(messages, said)
}

func (f file) name() string { return cmp.Or(string(f.Name), string(f.ID)) }
