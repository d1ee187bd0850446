package chatgpt

import (
	"strings"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/hygiene"
)

// messages returns what a node says: nothing, its message, or its message and the document
// that it contains.
func (r *reader) messages(n *node) []chat.UploadMessage {
	if !n.Message.Is {
		return nil
	}
	m := &n.Message.Value
	said := chat.UploadMessage{ExternalID: string(m.ID), CreatedAt: m.CreateTime.Time}
	if said.ExternalID == "" {
		said.ExternalID = n.Key
	}
	known := true
	said.Role, known = role(string(m.Author.Value.Role))
	if !known {
		r.out.Warn(UnknownAuthor, 1)
	}
	text, hidden := m.text(r.out)
	said.Text = hygiene.Uncited(text)
	said.Hidden = hidden || !known || m.hidden(said.Role)
	said.Files = r.files(m)
	r.out.Warn(format.FileNotIncluded, len(said.Files))

	var all []chat.UploadMessage
	document, kind := m.document()
	switch {
	case strings.TrimSpace(said.Text) != "" || len(said.Files) > 0:
		all = append(all, said)
	case document == "" && !said.Hidden:
		r.out.Warn(format.EmptyMessage, 1)
	}
	if document != "" {
		r.out.Warn(kind, 1)
		all = append(all, chat.UploadMessage{
			ExternalID: said.ExternalID + documentSuffix, Role: "assistant", Text: hygiene.Uncited(document), CreatedAt: said.CreatedAt,
		})
	}
	return all
}

// documentSuffix follows the id of a message in the id of the document that it contains.
const documentSuffix = "/document"

// role returns the role of an author; known is false for one that has no counterpart.
func role(author string) (role string, known bool) {
	switch author {
	case "user":
		return "human", true
	case "assistant", "system", "tool":
		return author, true
	}
	return "tool", false
}

// hidden reports whether ChatGPT does not show a message as a part of the conversation.
func (m *message) hidden(role string) bool {
	switch {
	case bool(m.Metadata.Value.Hidden), role == "system", role == "tool", m.Channel == "analysis",
		m.Weight != "" && strings.Trim(string(m.Weight), "0.") == "": // pruned
		return true
	case role == "assistant":
		return m.Recipient != "" && m.Recipient != "all" // a call of a tool
	}
	return false
}

// text returns the text of a message, and whether its type is one that is not part of what
// was said: instructions, thinking, pages and results of tools.
func (m *message) text(out *format.Out) (text string, hidden bool) {
	c := &m.Content.Value
	switch c.Type {
	case "text", "multimodal_text", "":
		return c.Parts.text(out), false
	case "code":
		return string(c.Text), false
	case "execution_output", "system_error", "tether_quote", "sonic_webpage":
		return join(c.Title, c.URL, c.Text, c.Snippet), true
	case "tether_browsing_display":
		return join(c.Result, c.Summary), true
	case "citable_code_output":
		return string(c.Output), true
	case "computer_output":
		return join(c.State.Value.Title, c.State.Value.URL), true
	case "reasoning_recap":
		return string(c.Content), true
	case "thoughts":
		var all []string
		for _, t := range c.Thoughts {
			all = append(all, join(t.Summary, t.Content))
		}
		return strings.Join(all, "\n\n"), true
	case "user_editable_context":
		return join(c.UserProfile, c.UserInstructions), true
	case "model_editable_context":
		return string(c.ModelSetContext), true
	}
	out.Warn(format.UnknownBlock, 1)
	return join(c.Text, c.Result) + c.Parts.text(out), true
}

// join puts texts that are there below each other.
func join[T ~string](texts ...T) string {
	var there []string
	for _, s := range texts {
		if s != "" {
			there = append(there, string(s))
		}
	}
	return strings.Join(there, "\n")
}

// text returns the texts among the parts and the words of recordings.
func (p parts) text(out *format.Out) string {
	var there []string
	for _, one := range p {
		switch one.asset.Type {
		case "":
			there = append(there, one.text, string(one.asset.Text))
		case "audio_transcription":
			there = append(there, string(one.asset.Text))
		case "image_asset_pointer", "audio_asset_pointer", "video_container_asset_pointer", "real_time_user_audio_video_asset_pointer":
		default:
			out.Warn(format.UnknownBlock, 1)
		}
	}
	return join(there...)
}

// files returns the names of the pictures and files of a message, each once.
func (r *reader) files(m *message) (files []string) {
	seen := map[string]bool{}
	add := func(id, name string) {
		if name == "" {
			name = r.name(id)
		}
		if name == "" || seen[id] {
			return
		}
		seen[id] = id != ""
		files = append(files, hygiene.Text(name))
	}
	for _, a := range m.Metadata.Value.Attachments {
		add(string(a.ID), string(a.Name))
	}
	for _, p := range m.Content.Value.Parts {
		add(assetID(string(p.asset.Pointer)), "")
		add(assetID(string(p.asset.Audio.Value.Pointer)), "")
	}
	return files
}

// assetID returns the id in an address such as sediment://file_1 or file-service://file-1.
func assetID(pointer string) string {
	_, id, found := strings.Cut(pointer, "://")
	if !found {
		return pointer
	}
	id, _, _ = strings.Cut(id, "#") // a part of a recording
	return id
}
