// Package deepseek reads conversations of DeepSeek: the official export, in its present and
// its early shape, and what tools save of the web page's API.
package deepseek

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/draft"
	"github.com/lethe-chat/lethe/internal/exports/elements"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/loose"
	"github.com/lethe-chat/lethe/internal/exports/tree"
)

const platform = "deepseek"

// Format returns the reader.
func Format() format.Format {
	return format.Format{
		Name: "deepseek", Title: "DeepSeek export", Platform: platform,
		LookFor: "an array whose elements have `mapping` and `inserted_at` or `fragments`, or an object with `chat_session` and `chat_messages`",
		Matches: func(s *format.Sample) bool {
			if s.Kind != format.JSON {
				return false
			}
			for _, at := range []string{"[].", ""} {
				if s.Has(at+"mapping") && (s.Has(at+"inserted_at") || s.Has(at+"mapping.*.message.fragments") || s.Has(at+"mapping.*.message.inserted_at")) {
					return true
				}
				for _, below := range []string{"data.biz_data.", "biz_data.", ""} {
					if s.Has(at+below+"chat_session") && s.Has(at+below+"chat_messages") {
						return true
					}
				}
			}
			return false
		},
		Read: read,
	}
}

// element is a conversation of the official export, or a dump of the web API.
type element struct {
	ID       loose.Text          `json:"id"`
	Title    loose.Text          `json:"title"`
	Inserted loose.Time          `json:"inserted_at"`
	Updated  loose.Time          `json:"updated_at"`
	Mapping  loose.Map[node]     `json:"mapping"`
	Data     loose.List[data]    `json:"data"`
	BizData  loose.List[dump]    `json:"biz_data"`
	Session  loose.List[session] `json:"chat_session"`
	Said     loose.List[message] `json:"chat_messages"`
}

type node struct {
	ID      loose.Text          `json:"id"`
	Parent  loose.Text          `json:"parent"`
	Message loose.List[message] `json:"message"`
}

type data struct {
	BizData loose.List[dump] `json:"biz_data"`
}

type dump struct {
	Session loose.List[session] `json:"chat_session"`
	Said    loose.List[message] `json:"chat_messages"`
}

type session struct {
	ID       loose.Text `json:"id"`
	Title    loose.Text `json:"title"`
	Inserted loose.Time `json:"inserted_at"`
	Updated  loose.Time `json:"updated_at"`
	Current  loose.Text `json:"current_message_id"`
}

type message struct {
	ID        loose.Text           `json:"message_id"`
	Parent    loose.Text           `json:"parent_id"`
	Role      loose.Text           `json:"role"`
	Inserted  loose.Time           `json:"inserted_at"`
	Fragments loose.List[fragment] `json:"fragments"`
	Files     loose.List[file]     `json:"files"`
	Content   loose.Text           `json:"content"`           // early exports
	Reasoning loose.Text           `json:"reasoning_content"` // early exports
	Thinking  loose.Text           `json:"thinking_content"`  // early dumps
}

type fragment struct {
	Type    loose.Text       `json:"type"`
	Content loose.Text       `json:"content"`
	Files   loose.List[file] `json:"files"`
}

type file struct {
	Name  loose.Text `json:"file_name"`
	Plain loose.Text `json:"name"`
}

func read(ctx context.Context, m format.Member, out *format.Out) error {
	return elements.Each(ctx, m, out, nil, func(e *element, place format.Place) error {
		if len(e.Mapping) > 0 || e.Inserted.Time.Unix() > 0 && len(e.dumps()) == 0 {
			return e.official(place, out).Hand(out)
		}
		dumps := e.dumps()
		if len(dumps) == 0 {
			return elements.Unusable("it has neither `mapping` nor `chat_messages`")
		}
		for _, d := range dumps {
			if err := d.conversation(place, out).Hand(out); err != nil {
				return err
			}
		}
		return nil
	})
}

// dumps returns the conversations of a dump, which tools save with or without what the API
// wraps around them.
func (e *element) dumps() []dump {
	all := slices.Clone(e.BizData)
	for _, d := range e.Data {
		all = append(all, d.BizData...)
	}
	if len(e.Session) > 0 {
		all = append(all, dump{Session: e.Session, Said: e.Said})
	}
	return slices.DeleteFunc(all, func(d dump) bool { return len(d.Session) == 0 })
}

func (e *element) official(place format.Place, out *format.Out) *draft.Chat {
	turns := make([]turn, 0, len(e.Mapping))
	for key, n := range e.Mapping {
		t := turn{id: key, parent: string(n.Parent)}
		if len(n.Message) > 0 {
			t.message = &n.Message[0]
		}
		turns = append(turns, t)
	}
	c := newChat(e.ID, e.Title, e.Inserted, e.Updated, place)
	arrange(c, turns, "", out)
	return c
}

func (d *dump) conversation(place format.Place, out *format.Out) *draft.Chat {
	s := d.Session[0]
	turns := make([]turn, 0, len(d.Said))
	for i, m := range d.Said {
		turns = append(turns, turn{id: string(m.ID), parent: string(m.Parent), message: &d.Said[i]})
	}
	c := newChat(s.ID, s.Title, s.Inserted, s.Updated, place)
	arrange(c, turns, string(s.Current), out)
	return c
}

func newChat(id, title loose.Text, created, updated loose.Time, place format.Place) *draft.Chat {
	c := draft.New(platform, "DeepSeek", string(id), place)
	c.Title, c.CreatedAt, c.UpdatedAt = string(title), created.Time, updated.Time
	if id != "" {
		c.Source.Link = "https://chat.deepseek.com/a/chat/s/" + string(id)
	}
	return c
}

// turn is a node of the tree. Its id is a small number that is unique only within its
// conversation.
type turn struct {
	id, parent string
	message    *message // nil for the root
	said       []chat.UploadMessage
}

// arrange adds the turns to a conversation.
func arrange(c *draft.Chat, turns []turn, leaf string, out *format.Out) {
	slices.SortFunc(turns, func(a, b turn) int { return cmp.Or(cmp.Compare(len(a.id), len(b.id)), strings.Compare(a.id, b.id)) })
	senders := sendersOf(turns)
	for i := range turns {
		if turns[i].message != nil {
			turns[i].said = turns[i].message.messages(turns[i].id, senders[turns[i].id], out)
		}
	}
	foldFiles(turns)
	for _, t := range turns {
		n := tree.Node{ID: t.id, Parent: t.parent}
		if t.message != nil {
			n.At = t.message.Inserted.Time
		}
		c.Node(n, t.said...)
	}
	c.Arrange(leaf, out)
}

// foldFiles moves the files of a node that has nothing else to the question below it: the
// export has an uploaded file and the question about it as two nodes of one sender.
func foldFiles(turns []turn) {
	only := make(map[string]*turn)
	for i := range turns {
		if t := &turns[i]; len(t.said) == 1 && t.said[0].Text == "" && len(t.said[0].Files) > 0 {
			only[t.id] = t
		}
	}
	var folded []*turn
	for i := range turns {
		t := &turns[i]
		above := only[t.parent]
		if above == nil || len(t.said) == 0 {
			continue
		}
		asked := &t.said[len(t.said)-1]
		if asked.Role == above.said[0].Role && asked.Text != "" {
			asked.Files = append(slices.Clone(above.said[0].Files), asked.Files...)
			folded = append(folded, above)
		}
	}
	for _, above := range folded {
		above.said = nil
	}
}

// sendersOf returns the sender of each node. The kinds of fragments decide. In exports without fragments, question
// and answer alternate.
func sendersOf(turns []turn) map[string]chat.Sender {
	senders := make(map[string]chat.Sender, len(turns))
	byID := make(map[string]*turn, len(turns))
	for i := range turns {
		byID[turns[i].id] = &turns[i]
		if m := turns[i].message; m != nil {
			if s := m.sender(); s != "" {
				senders[turns[i].id] = s
			}
		}
	}
	for i := range turns {
		var path []string // of nodes without a sender, upwards
		above := chat.Assistant
		for t := &turns[i]; t != nil && t.message != nil; t = byID[t.parent] {
			if s, known := senders[t.id]; known {
				above = s
				break
			}
			if slices.Contains(path, t.id) {
				break // a circle
			}
			path = append(path, t.id)
		}
		for _, id := range slices.Backward(path) {
			if above == chat.Human {
				above = chat.Assistant
			} else {
				above = chat.Human
			}
			senders[id] = above
		}
	}
	return senders
}

// sender returns the sender of a message, if the message says it.
func (m *message) sender() chat.Sender {
	switch strings.ToLower(string(m.Role)) {
	case "user", "human":
		return chat.Human
	case "assistant":
		return chat.Assistant
	case "system":
		return chat.System
	}
	if len(m.Fragments) == 0 {
		if m.Reasoning != "" || m.Thinking != "" {
			return chat.Assistant
		}
		return ""
	}
	for _, f := range m.Fragments {
		if f.Type != "REQUEST" && f.Type != "FILE" {
			return chat.Assistant
		}
	}
	return chat.Human
}

// messages returns the thinking and the text of a message.
func (m *message) messages(id string, sender chat.Sender, out *format.Out) (messages []chat.UploadMessage) {
	thinking := []string{string(m.Reasoning), string(m.Thinking)}
	texts := []string{string(m.Content)}
	var files []string
	for _, f := range m.Fragments {
		switch f.Type {
		case "REQUEST", "RESPONSE":
			texts = append(texts, string(f.Content))
		case "THINK":
			thinking = append(thinking, string(f.Content))
		case "FILE":
			files = append(files, names(f.Files)...)
		case "SEARCH": // addresses and titles of pages
		default:
			out.Warn(format.UnknownBlock, 1)
		}
	}
	for _, name := range names(m.Files) {
		if !slices.Contains(files, name) {
			files = append(files, name)
		}
	}
	if text := join(thinking); text != "" {
		messages = append(messages, draft.Hidden(sender, draft.Part(id, "thinking"), text, m.Inserted.Time))
	}
	return append(messages, chat.UploadMessage{ExternalID: id, Role: string(sender), Text: join(texts), CreatedAt: m.Inserted.Time, Files: files})
}

func names(files []file) (names []string) {
	for _, f := range files {
		if name := cmp.Or(string(f.Name), string(f.Plain)); name != "" {
			names = append(names, name)
		}
	}
	return names
}

func join(parts []string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return strings.TrimSpace(s) == "" }), "\n\n")
}
