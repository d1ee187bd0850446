package claude

import (
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/draft"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/loose"
)

// said returns the messages for one message of the export.
func (r *reader) said(id string, m *message) []chat.UploadMessage {
	p := parts{out: r.out}
	if m.Content.Twice {
		r.out.Warn(format.DecodedTwice, 1)
	}
	for _, f := range m.Files {
		p.file(string(f.UUID), string(f.Name))
	}
	p.blocks(m.Content.Value)
	if len(p.text) == 0 {
		p.say(unsupported.ReplaceAllString(string(m.Text), ""))
	}
	for _, a := range m.Attachments {
		if strings.TrimSpace(string(a.Text)) == "" {
			p.file("", string(a.Name))
			continue
		}
		p.say(strings.TrimSpace(string(a.Name + "\n" + a.Text)))
	}
	return p.messages(id, sender(string(m.Sender)))
}

// unsupported is what the flat text of a message has in place of each block that is not
// text. Only messages without blocks are read from it.
var unsupported = regexp.MustCompile("(?s)```\\s*This block is not supported on your current device yet\\.?\\s*```\\n*")

// parts is what the blocks of one message are.
type parts struct {
	out       *format.Out
	text      []string
	thinking  []string
	tools     []string // calls and results
	documents []string
	files     []string
	fileIDs   []string
}

func (p *parts) say(text string) {
	if strings.TrimSpace(text) != "" {
		p.text = append(p.text, text)
	}
}

// file notes a picture or file, once.
func (p *parts) file(id, name string) {
	if id != "" && slices.Contains(p.fileIDs, id) || name != "" && slices.Contains(p.files, name) {
		return
	}
	if name == "" {
		name = id
	}
	if name != "" {
		p.fileIDs, p.files = append(p.fileIDs, id), append(p.files, name)
	}
}

func (p *parts) blocks(blocks []block) {
	for i := range blocks {
		p.block(&blocks[i])
	}
}

func (p *parts) block(b *block) {
	switch b.Type {
	case "text", "voice_note", "user_interjection":
		p.say(string(b.Text))
	case "thinking":
		p.thinking = append(p.thinking, string(b.Thinking+b.Text))
	case "tool_use":
		p.call(string(b.Name), b.Input)
	case "tool_call":
		p.call(string(b.ToolCall.Value.Name), b.ToolCall.Value.Input)
	case "tool_result":
		p.tools = append(p.tools, resultText(b))
	case "document", "image":
		p.file(string(b.FileUUID), string(b.Title))
	case "injected_prompt_block":
		p.out.Warn(Injected, 1)
	case "token_budget", "summaries", "flag", "error": // not part of the conversation
	default:
		p.out.Warn(format.UnknownBlock, 1)
	}
}

// call notes the call of a tool. A call that writes a whole artifact is a document.
func (p *parts) call(name string, input jsontext.Value) {
	if name == "artifacts" {
		var a loose.Embedded[artifact]
		err := json.Unmarshal(input, &a, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		if a.Twice {
			p.out.Warn(format.DecodedTwice, 1)
		}
		if err == nil && a.Value.Content != "" && a.Value.Command != "update" {
			p.out.Warn(Artifact, 1)
			p.documents = append(p.documents, strings.TrimSpace(string(a.Value.Title+"\n"+a.Value.Content)))
			return
		}
	}
	p.tools = append(p.tools, strings.TrimSpace(name+" "+inputText(input)))
}

// inputText returns the input of a tool as text, which does not depend on the spaces in the
// file.
func inputText(input jsontext.Value) string {
	if input.Kind() == '"' {
		return loose.String(input)
	}
	compact := input.Clone()
	if compact.Compact(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
		return string(input)
	}
	return string(compact)
}

// resultText returns the text of a tool's result: a string, or blocks with text.
func resultText(b *block) string {
	if b.Content.Kind() == '"' {
		return loose.String(b.Content)
	}
	var blocks loose.List[struct {
		Text  loose.Text `json:"text"`
		Title loose.Text `json:"title"`
		URL   loose.Text `json:"url"`
	}]
	if len(b.Content) == 0 || json.Unmarshal(b.Content, &blocks, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
		return ""
	}
	var texts []string
	for _, one := range blocks {
		for _, s := range []loose.Text{one.Title, one.URL, one.Text} {
			if s != "" {
				texts = append(texts, string(s))
			}
		}
	}
	return strings.Join(texts, "\n")
}

// messages returns first the hidden thinking and tool uses, then the text, then the documents. The ids begin with
// that of the message.
func (p *parts) messages(id, role string) (all []chat.UploadMessage) {
	add := func(id, role string, texts []string, hidden bool) {
		if text := strings.Join(slices.DeleteFunc(texts, func(s string) bool { return s == "" }), "\n\n"); text != "" {
			all = append(all, chat.UploadMessage{ExternalID: id, Role: role, Text: text, Hidden: hidden})
		}
	}
	add(draft.Part(id, "thinking"), role, p.thinking, true)
	add(draft.Part(id, "tools"), "tool", p.tools, true)
	add(id, role, p.text, role == "system" || role == "tool")
	if len(p.files) > 0 {
		if len(p.text) == 0 {
			all = append(all, chat.UploadMessage{ExternalID: id, Role: role})
		}
		all[len(all)-1].Files = p.files
	}
	add(draft.Part(id, "document"), role, p.documents, false)
	if len(all) == 0 {
		p.out.Warn(format.EmptyMessage, 1)
	}
	return all
}
