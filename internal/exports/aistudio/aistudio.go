// Package aistudio reads the prompts of Google AI Studio, which are files in Google Drive,
// often without an extension.
package aistudio

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/draft"
	"github.com/lethe-chat/lethe/internal/exports/elements"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/loose"
)

const platform = "gemini"

// Format returns the reader.
func Format() format.Format {
	return format.Format{
		Name: "aistudio", Title: "Google AI Studio prompt", Platform: platform,
		LookFor: "an object with `chunkedPrompt`",
		Matches: func(s *format.Sample) bool { return s.Kind == format.JSON && s.Has("chunkedPrompt") },
		Read:    read,
	}
}

type prompt struct {
	ID      loose.Text `json:"id"`
	Title   loose.Text `json:"displayName"`
	Created loose.Time `json:"createTime"`
	Updated loose.Time `json:"updateTime"`
	System  system     `json:"systemInstruction"`
	Chunked loose.Maybe[struct {
		Chunks loose.List[chunk] `json:"chunks"`
	}] `json:"chunkedPrompt"`
}

// system is the system instruction: a text, or an object with a text or parts.
type system string

// UnmarshalJSONFrom decodes any value.
func (s *system) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var o loose.Maybe[struct {
		Text  loose.Text       `json:"text"`
		Parts loose.List[part] `json:"parts"`
	}]
	if err := o.UnmarshalJSONFrom(d); err != nil {
		return err
	}
	*s = system(cmp.Or(loose.String(o.Other), string(o.Value.Text)))
	if *s == "" {
		for _, p := range o.Value.Parts {
			*s += system(p.Text)
		}
	}
	return nil
}

type chunk struct {
	ID       loose.Text        `json:"id"`
	Role     loose.Text        `json:"role"`
	Text     loose.Text        `json:"text"`
	Thought  loose.Flag        `json:"isThought"`
	Created  loose.Time        `json:"createTime"`
	Parts    loose.List[part]  `json:"parts"`
	Document loose.Maybe[file] `json:"driveDocument"`
	Image    loose.Maybe[file] `json:"driveImage"`
	Audio    loose.Maybe[file] `json:"driveAudio"`
	Video    loose.Maybe[file] `json:"driveVideo"`
	YouTube  loose.Maybe[file] `json:"youtubeVideo"`
	InFile   loose.Maybe[file] `json:"inlineFile"`
	InImage  loose.Maybe[file] `json:"inlineImage"`
	InData   loose.Maybe[file] `json:"inlineData"`
}

type part struct {
	Text    loose.Text        `json:"text"`
	Thought loose.Flag        `json:"thought"`
	Data    loose.Maybe[file] `json:"inlineData"`
	Code    loose.Maybe[struct {
		Code loose.Text `json:"code"`
	}] `json:"executableCode"`
	Result loose.Maybe[struct {
		Output loose.Text `json:"output"`
	}] `json:"codeExecutionResult"`
}

// file is a file that belongs to a prompt. Those in Drive have an id, and a name in some
// exports; those in the prompt have a type alone. Their contents are not decoded.
type file struct {
	ID   loose.Text `json:"id"`
	Name loose.Text `json:"name"`
	Type loose.Text `json:"mimeType"`
}

func (f file) names() []string {
	if name := cmp.Or(string(f.Name), string(f.ID), string(f.Type)); name != "" {
		return []string{name}
	}
	return nil
}

func read(ctx context.Context, m format.Member, out *format.Out) error {
	return elements.Each(ctx, m, out, nil, func(p *prompt, place format.Place) error {
		name := path.Base(m.Path)
		c := draft.New(platform, "Gemini", p.id(name), place)
		c.Title = cmp.Or(string(p.Title), titleOf(name))
		c.CreatedAt, c.UpdatedAt = p.Created.Time, p.Updated.Time
		if p.System != "" {
			c.Say(draft.Hidden(chat.System, "", string(p.System), time.Time{}))
		}
		for _, chunk := range p.Chunked.Value.Chunks {
			c.Say(chunk.messages()...)
		}
		return c.Hand(out)
	})
}

// id returns the id of a prompt. Files of Drive contain none, so it is a hash of the file's name and of the first
// chunk. The name is included because copies and branches of a prompt begin in the same way.
func (p *prompt) id(name string) string {
	if p.ID != "" {
		return string(p.ID)
	}
	first := ""
	if chunks := p.Chunked.Value.Chunks; len(chunks) > 0 {
		if !chunks[0].Created.IsZero() {
			first = chunks[0].Created.Format(time.RFC3339Nano)
		}
		first += "\x00" + string(chunks[0].Text)
	}
	sum := sha256.Sum256([]byte(name + "\x00" + first))
	return "aistudio-" + hex.EncodeToString(sum[:16])
}

// titleOf returns the title of a prompt from the name of its file; none for standard input.
func titleOf(name string) string {
	switch name = strings.TrimSuffix(name, ".json"); name {
	case ".", "/", "-":
		return ""
	}
	return name
}

// messages returns what a chunk says. Thoughts and the work of tools are hidden.
func (c *chunk) messages() (messages []chat.UploadMessage) {
	sender := chat.Assistant
	if c.Role == "user" {
		sender = chat.Human
	}
	said := chat.UploadMessage{ExternalID: string(c.ID), Role: string(sender), Text: string(c.Text), CreatedAt: c.Created.Time, Hidden: bool(c.Thought)}
	var text, thought strings.Builder
	for _, p := range c.Parts { // pieces of one text, cut anywhere
		switch {
		case p.Code.Value.Code != "":
			messages = append(messages, draft.Hidden(chat.Tool, "", string(p.Code.Value.Code), c.Created.Time))
		case p.Result.Value.Output != "":
			messages = append(messages, draft.Hidden(chat.Tool, "", string(p.Result.Value.Output), c.Created.Time))
		case bool(p.Thought) && !bool(c.Thought):
			thought.WriteString(string(p.Text))
		default:
			text.WriteString(string(p.Text))
		}
		said.Files = append(said.Files, p.Data.Value.names()...)
	}
	if said.Text == "" {
		said.Text = text.String()
	}
	if thought.Len() > 0 {
		messages = append(messages, draft.Hidden(sender, draft.Part(string(c.ID), "thinking"), thought.String(), c.Created.Time))
	}
	for _, f := range []loose.Maybe[file]{c.Document, c.Image, c.Audio, c.Video, c.YouTube, c.InFile, c.InImage, c.InData} {
		said.Files = append(said.Files, f.Value.names()...)
	}
	return append(messages, said)
}
