// Package chatwise reads the export of ChatWise: a file for each chat.
package chatwise

import (
	"context"
	"path"
	"strings"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/draft"
	"github.com/lethe-chat/lethe/internal/exports/elements"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/loose"
)

const platform = "chatwise"

// Format returns the reader.
func Format() format.Format {
	return format.Format{
		Name: "chatwise", Title: "ChatWise export", Platform: platform,
		LookFor: "an object with `id`, `model`, `title` and `messages` that have `role` and `content`, in a file chat-*.json",
		Matches: matches, Read: read,
	}
}

// matches distinguishes ChatWise from the many files with messages: by its field for thinking, which only some chats
// have, or else by fields that it does not have and by its names of files.
func matches(s *format.Sample) bool {
	if s.Kind != format.JSON || !s.Has("id") || !s.Has("messages.[].role") || !s.Has("messages.[].content") {
		return false
	}
	for _, foreign := range []string{"sessionId", "conversationId", "conversation_id", "mapping", "chat", "object", "choices", "messages.[].parentId", "messages.[].parts"} {
		if s.Has(foreign) {
			return false
		}
	}
	return s.Has("messages.[].reasoningContent") || s.Has("model") && s.Has("title") && strings.HasPrefix(path.Base(s.Path), "chat-")
}

type element struct {
	ID       loose.Text          `json:"id"`
	Title    loose.Text          `json:"title"`
	Created  loose.Time          `json:"createdAt"`
	Updated  loose.Time          `json:"updatedAt"`
	Messages loose.List[message] `json:"messages"`
}

type message struct {
	ID        loose.Text `json:"id"`
	Role      loose.Text `json:"role"`
	Content   loose.Text `json:"content"`
	Reasoning loose.Text `json:"reasoningContent"`
	Created   loose.Time `json:"createdAt"`
	Files     loose.List[struct {
		Name loose.Text `json:"name"`
	}] `json:"files"`
}

func read(ctx context.Context, m format.Member, out *format.Out) error {
	return elements.Each(ctx, m, out, nil, func(e *element, place format.Place) error {
		if e.ID == "" {
			return elements.Unusable("it has no `id`")
		}
		c := draft.New(platform, "ChatWise", string(e.ID), place)
		c.Title, c.CreatedAt, c.UpdatedAt = string(e.Title), e.Created.Time, e.Updated.Time
		for _, said := range e.Messages {
			c.Say(said.messages()...)
		}
		return c.Hand(out)
	})
}

func (m *message) messages() (messages []chat.UploadMessage) {
	sender := chat.Assistant
	switch m.Role {
	case "user":
		sender = chat.Human
	case "system":
		sender = chat.System
	case "tool":
		sender = chat.Tool
	}
	if m.Reasoning != "" {
		messages = append(messages, draft.Hidden(sender, draft.Part(string(m.ID), "thinking"), string(m.Reasoning), m.Created.Time))
	}
	said := chat.UploadMessage{
		ExternalID: string(m.ID), Role: string(sender), Text: string(m.Content), CreatedAt: m.Created.Time,
		Hidden: sender == chat.System || sender == chat.Tool,
	}
	for _, f := range m.Files {
		said.Files = append(said.Files, string(f.Name))
	}
	return append(messages, said)
}
