package chatgpt

import (
	"slices"
	"strings"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/draft"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/hygiene"
)

// node is what a node says: nothing, a message, a document, or both.
type node struct {
	key      string // its name in the mapping, which other nodes refer to
	parent   string
	said     chat.UploadMessage // without the names of its files
	says     bool               // the node has a message
	document string
	kind     format.Warning // as which the document is counted
	files    []file
}

// file is a picture or file of a message.
type file struct {
	id   string
	name string // empty when only the list of all files has it
}

// said returns the messages of a node. key is its name in the mapping.
func (n *jsonNode) said(key string, out *format.Out) node {
	found := node{key: key, parent: string(n.Parent)}
	if !n.Says {
		return found
	}
	m := &n.Message
	found.said.ExternalID, found.said.CreatedAt = string(m.ID), m.CreateTime.Time
	if found.said.ExternalID == "" {
		found.said.ExternalID = key
	}
	role, known := role(string(m.Role))
	if !known {
		out.Warn(UnknownAuthor, 1)
	}
	text, hidden := m.text(out)
	found.said.Role, found.said.Text = role, hygiene.Uncited(text)
	found.said.Hidden = hidden || !known || m.hidden(role)
	found.files = m.files()
	found.document, found.kind = m.document()
	found.document = hygiene.Uncited(found.document)
	found.says = strings.TrimSpace(found.said.Text) != "" || len(found.files) > 0
	if !found.says && found.document == "" && !found.said.Hidden {
		out.Warn(format.EmptyMessage, 1)
	}
	return found
}

// messages adds what a node says to the messages of a conversation.
func (r *reader) messages(to []chat.UploadMessage, n *node, branch string) []chat.UploadMessage {
	n.said.Branch = branch
	if n.says {
		for _, f := range n.files {
			n.said.Files = append(n.said.Files, r.name(f))
		}
		r.out.Warn(format.FileNotIncluded, len(n.files))
		to = append(to, n.said)
	}
	if n.document != "" {
		r.out.Warn(n.kind, 1)
		to = append(to, chat.UploadMessage{
			ExternalID: draft.Part(n.said.ExternalID, "document"), Role: "assistant", Text: n.document, CreatedAt: n.said.CreatedAt, Branch: branch,
		})
	}
	return to
}

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
	case bool(m.Metadata.Hidden), role == "system", role == "tool", m.Channel == "analysis",
		m.Weight != "" && strings.Trim(string(m.Weight), "0.") == "": // pruned
		return true
	case role == "assistant":
		return m.Recipient != "" && m.Recipient != "all" // a call of a tool
	}
	return false
}

// text returns the text of a message. hidden reports that the text is not part of the visible conversation:
// instructions, thinking, pages and results of tools.
func (m *message) text(out *format.Out) (text string, hidden bool) {
	c := &m.Content
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
		return join(c.Profile, c.Wishes), true
	case "model_editable_context":
		return string(c.Memory), true
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

// files returns the pictures and files of a message, each once.
func (m *message) files() (files []file) {
	add := func(f file) {
		if f.id == "" && f.name == "" || f.id != "" && slices.ContainsFunc(files, func(other file) bool { return other.id == f.id }) {
			return
		}
		files = append(files, f)
	}
	for _, a := range m.Metadata.Attachments {
		add(file{string(a.ID), string(a.Name)})
	}
	for _, p := range m.Content.Parts {
		add(file{id: assetID(string(p.asset.Pointer))})
		add(file{id: assetID(string(p.asset.Audio.Value.Pointer))})
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
