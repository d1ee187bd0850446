// Package lechat reads the export of Mistral's Le Chat: a file for each chat, which is an
// array of its messages in any order.
package lechat

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/draft"
	"github.com/lethe-chat/lethe/internal/exports/elements"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/loose"
)

const platform = "lechat"

// Format returns the reader.
func Format() format.Format {
	return format.Format{
		Name: "lechat", Title: "Le Chat export", Platform: platform,
		LookFor: "an array of messages that have `chatId` and `contentChunks`",
		Matches: func(s *format.Sample) bool {
			return s.Kind == format.JSON && s.Has("[].chatId") && s.Has("[].role") && (s.Has("[].contentChunks") || s.Has("[].content"))
		},
		Read: read,
	}
}

type message struct {
	ID      loose.Text         `json:"id"`
	Version loose.Text         `json:"version"`
	Chat    loose.Text         `json:"chatId"`
	Role    loose.Text         `json:"role"`
	Content loose.Text         `json:"content"`
	Chunks  loose.List[chunk]  `json:"contentChunks"`
	Created loose.Time         `json:"createdAt"`
	Files   loose.List[file]   `json:"files"`
	Canvas  loose.List[canvas] `json:"canvas"`
}

type chunk struct {
	Type      loose.Text `json:"type"`
	Text      loose.Text `json:"text"`
	Name      loose.Text `json:"name"`
	Arguments loose.Text `json:"publicArguments"`
	Result    loose.Text `json:"publicResult"`
}

type file struct {
	Name loose.Text `json:"name"`
}

type canvas struct {
	Title   loose.Text `json:"title"`
	Content loose.Text `json:"content"`
}

// talk is a chat while its messages are collected.
type talk struct {
	id   string
	said map[string]message // by id
	none []message          // without an id
}

// read reads a file with one chat, or with several that were joined by hand.
func read(ctx context.Context, m format.Member, out *format.Out) error {
	talks := make(map[string]*talk)
	var order []*talk
	err := elements.Each(ctx, m, out, nil, func(e *message, _ format.Place) error {
		id := string(e.Chat)
		if id == "" {
			return elements.Unusable("it has no `chatId`")
		}
		t := talks[id]
		if t == nil {
			t = &talk{id: id, said: make(map[string]message)}
			talks[id] = t
			order = append(order, t)
		}
		t.add(*e)
		return nil
	})
	if err != nil {
		return err
	}
	for _, t := range order {
		if err := t.conversation(m.Path, out).Hand(out); err != nil {
			return err
		}
	}
	return nil
}

// add adds a message. It keeps only the highest version of a message.
func (t *talk) add(m message) {
	if m.ID == "" {
		t.none = append(t.none, m)
		return
	}
	if had, again := t.said[string(m.ID)]; !again || m.version() >= had.version() {
		t.said[string(m.ID)] = m
	}
}

func (t *talk) conversation(path string, out *format.Out) *draft.Chat {
	c := draft.New(platform, "Le Chat", t.id, format.Place{Member: path})
	c.Source.Link = "https://chat.mistral.ai/chat/" + t.id
	all := append(slices.Collect(maps.Values(t.said)), t.none...)
	slices.SortStableFunc(all, earlier)
	for _, m := range all {
		c.Say(m.messages(out)...)
	}
	return c
}

func (m *message) version() int {
	n, _ := strconv.Atoi(string(m.Version)) // 0 when there is none
	return n
}

// earlier orders messages by time. If the times are equal, a question comes before its answer. Messages without a
// time come last.
func earlier(a, b message) int {
	if a.Created.IsZero() != b.Created.IsZero() {
		if a.Created.IsZero() {
			return 1
		}
		return -1
	}
	return cmp.Or(a.Created.Compare(b.Created.Time), -strings.Compare(string(a.Role), string(b.Role)), strings.Compare(string(a.ID), string(b.ID)))
}

// messages returns the uses of tools and the text of a message.
func (m *message) messages(out *format.Out) (messages []chat.UploadMessage) {
	sender := chat.Assistant
	switch m.Role {
	case "user":
		sender = chat.Human
	case "system":
		sender = chat.System
	case "tool":
		sender = chat.Tool
	}
	said := chat.UploadMessage{
		ExternalID: string(m.ID), Role: string(sender), Text: string(m.Content), CreatedAt: m.Created.Time,
		Hidden: sender == chat.System || sender == chat.Tool,
	}
	for _, f := range m.Files {
		said.Files = append(said.Files, string(f.Name))
	}
	var text strings.Builder
	for _, c := range m.Chunks {
		switch c.Type {
		case "text":
			text.WriteString(string(c.Text))
		case "tool_call":
			used := strings.TrimSpace(strings.Join([]string{string(c.Name), string(c.Arguments), string(c.Result)}, "\n"))
			messages = append(messages, draft.Hidden(chat.Tool, "", used, m.Created.Time))
		case "reference": // numbers of sources
		case "image_url":
			said.Files = append(said.Files, "image")
		default:
			out.Warn(format.UnknownBlock, 1)
		}
	}
	if strings.TrimSpace(said.Text) == "" {
		said.Text = text.String()
	}
	for _, c := range m.Canvas {
		if c.Content == "" {
			out.Warn(format.UnknownBlock, 1)
			continue
		}
		said.Text = strings.TrimSpace(strings.Join([]string{said.Text, string(c.Title), string(c.Content)}, "\n\n"))
	}
	return append(messages, said)
}
