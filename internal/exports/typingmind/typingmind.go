// Package typingmind reads the data export of TypingMind.
package typingmind

import (
	"cmp"
	"context"
	"path"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/draft"
	"github.com/lethe-chat/lethe/internal/exports/elements"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/loose"
)

const platform = "typingmind"

// FolderUnknown is the warning about chats whose folder has no name in the file, or that were read from standard
// input.
const FolderUnknown format.Warning = "chats lost their folder, because its name is not known"

// Format returns the reader.
func Format() format.Format {
	return format.Format{
		Name: "typingmind", Title: "TypingMind export", Platform: platform,
		LookFor: "an object with `data.chats`",
		Matches: func(s *format.Sample) bool {
			return s.Kind == format.JSON && (s.Has("data.chats") || s.Has("chats.[].chatID") || s.Has("[].chatID") && s.Has("[].messages"))
		},
		Read: read,
	}
}

type element struct {
	ID       loose.Text          `json:"id"`
	ChatID   loose.Text          `json:"chatID"`
	Title    loose.Text          `json:"chatTitle"`
	Created  loose.Time          `json:"createdAt"`
	Updated  loose.Time          `json:"updatedAt"`
	Folder   loose.Text          `json:"folderID"`
	Messages loose.List[message] `json:"messages"`
}

type message struct {
	ID        loose.Text          `json:"uuid"`
	Role      loose.Text          `json:"role"`
	Content   content             `json:"content"`
	Created   loose.Time          `json:"createdAt"`
	Responses loose.List[message] `json:"responses"` // of several models to one question
}

type folder struct {
	ID    loose.Text `json:"id"`
	Title loose.Text `json:"title"`
	Name  loose.Text `json:"name"`
}

func read(ctx context.Context, m format.Member, out *format.Out) error {
	folders, err := foldersOf(ctx, m)
	if err != nil {
		return err
	}
	return elements.Each(ctx, m, out, []string{"data.chats", "chats"}, func(e *element, place format.Place) error {
		id := cmp.Or(string(e.ChatID), string(e.ID))
		if id == "" {
			return elements.Unusable("it has neither `chatID` nor `id`")
		}
		c := draft.New(platform, "TypingMind", id, place)
		c.Title, c.CreatedAt, c.UpdatedAt = string(e.Title), e.Created.Time, e.Updated.Time
		if e.Folder != "" {
			if c.Source.Project = folders[string(e.Folder)]; c.Source.Project == "" {
				out.Warn(FolderUnknown, 1)
			}
		}
		for _, said := range e.Messages {
			c.Say(said.messages(out)...)
		}
		return c.Hand(out)
	})
}

// foldersOf returns the names of the folders. They come after the chats in the file, so they need a pass of their
// own. Damage is reported in the pass over the chats. If an input can be opened only once, which means that its size
// is unknown, there are no names.
func foldersOf(ctx context.Context, m format.Member) (map[string]string, error) {
	names := make(map[string]string)
	if m.Size < 0 {
		return names, nil
	}
	err := elements.Each(ctx, m, &format.Out{}, []string{"data.folders", "folders"}, func(f *folder, _ format.Place) error {
		if f.ID != "" {
			names[string(f.ID)] = cmp.Or(string(f.Title), string(f.Name))
		}
		return nil
	})
	return names, err
}

// messages returns a message and the answers of several models. All answers but the first are branches.
func (m *message) messages(out *format.Out) (messages []chat.UploadMessage) {
	out.Warn(format.UnknownBlock, m.Content.unknown)
	sender, hidden := senderOf(string(m.Role))
	if m.Content.thinking != "" {
		messages = append(messages, draft.Hidden(sender, draft.Part(string(m.ID), "thinking"), m.Content.thinking, m.Created.Time))
	}
	said := chat.UploadMessage{
		ExternalID: string(m.ID), Role: string(sender), Text: m.Content.text, CreatedAt: m.Created.Time, Hidden: hidden, Files: m.Content.files,
	}
	empty := said.Text == "" && len(said.Files) == 0
	if !empty || len(m.Responses) == 0 {
		messages = append(messages, said)
	}
	for i, r := range m.Responses {
		r.Role = cmp.Or(r.Role, "assistant")
		r.Responses = nil
		if r.Created.IsZero() {
			r.Created = m.Created
		}
		for _, answer := range r.messages(out) {
			if i > 0 || !empty && sender == chat.Assistant {
				answer.Branch = cmp.Or(answer.ExternalID, string(m.ID)+"-other")
			}
			messages = append(messages, answer)
		}
	}
	return messages
}

func senderOf(role string) (sender chat.Sender, hidden bool) {
	switch strings.ToLower(role) {
	case "user", "human":
		return chat.Human, false
	case "system":
		return chat.System, true
	case "tool", "function":
		return chat.Tool, true
	}
	return chat.Assistant, false
}

// content is a text, or a list of parts.
type content struct {
	text, thinking string
	files          []string
	unknown        int // parts
}

type part struct {
	Type     loose.Text `json:"type"`
	Text     loose.Text `json:"text"`
	Thinking loose.Text `json:"thinking"`
	Name     loose.Text `json:"name"`
	Image    loose.Maybe[struct {
		URL loose.Text `json:"url"`
	}] `json:"image_url"`
}

// UnmarshalJSONFrom decodes any value.
func (c *content) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*c = content{}
	if d.PeekKind() != '[' {
		var text loose.Text
		err := text.UnmarshalJSONFrom(d)
		c.text = string(text)
		return err
	}
	var parts loose.List[part]
	if err := json.UnmarshalDecode(d, &parts); err != nil {
		return err
	}
	for _, p := range parts {
		switch p.Type {
		case "text", "input_text", "output_text":
			c.text += string(p.Text)
		case "thinking", "reasoning":
			c.thinking += string(p.Thinking + p.Text)
		case "image_url", "image":
			c.files = append(c.files, imageName(string(p.Image.Value.URL)))
		case "file", "document":
			c.files = append(c.files, cmp.Or(string(p.Name), "file"))
		default:
			c.unknown++
		}
	}
	return nil
}

// imageName returns the name of an image in an address. Most pictures are in the file
// itself, as data without a name.
func imageName(url string) string {
	if url == "" || strings.HasPrefix(url, "data:") {
		return "image"
	}
	name, _, _ := strings.Cut(path.Base(url), "?")
	return name
}
