package openwebui

import (
	"html"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/draft"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/loose"
)

// content is a text, or a list of parts as the APIs of models have it.
type content struct {
	text  string
	files []file
}

type part struct {
	Type loose.Text `json:"type"`
	Text loose.Text `json:"text"`
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
		c.text += string(p.Text)
		if p.Type == "image_url" {
			c.files = append(c.files, file{Name: "image"})
		}
	}
	return nil
}

// output is an item of what a model returned: reasoning, a message, the call of a function
// or its result.
type output struct {
	Type      loose.Text       `json:"type"`
	Content   loose.List[part] `json:"content"`
	Summary   loose.List[part] `json:"summary"`
	Name      loose.Text       `json:"name"`
	Arguments loose.Text       `json:"arguments"`
	Output    textOrParts      `json:"output"`
}

// textOrParts is a text, or the texts of parts.
type textOrParts string

// UnmarshalJSONFrom decodes any value.
func (t *textOrParts) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var c content
	err := c.UnmarshalJSONFrom(d)
	*t = textOrParts(c.text)
	return err
}

func texts(parts loose.List[part]) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(string(p.Text))
	}
	return b.String()
}

// said returns the text of a message, and its thinking and uses of tools as hidden messages. The field output is the
// clean source. The field content is what the page shows, with the rest in <details>.
func (m *message) said(out *format.Out) (text string, work []chat.UploadMessage) {
	var spoken []string
	hide := func(sender chat.Sender, text string) {
		if text = strings.TrimSpace(text); text != "" {
			work = append(work, chat.UploadMessage{Role: string(sender), Text: text, Hidden: true})
		}
	}
	for _, o := range m.Output {
		switch o.Type {
		case "message":
			if text := texts(o.Content); strings.TrimSpace(text) != "" {
				spoken = append(spoken, text)
			}
		case "reasoning":
			hide(chat.Assistant, texts(o.Summary)+texts(o.Content))
		case "function_call":
			hide(chat.Tool, string(o.Name)+"\n"+string(o.Arguments))
		case "function_call_output":
			hide(chat.Tool, string(o.Output))
		default:
			out.Warn(format.UnknownBlock, 1)
		}
	}
	if len(spoken) == 0 {
		var details []detail
		text, details = withoutDetails(m.Content.text)
		spoken = append(spoken, text)
		if len(work) == 0 {
			for _, d := range details {
				hide(d.sender, d.text)
			}
		}
	}
	if len(work) > 0 && work[0].Role == string(chat.Assistant) {
		work[0].ExternalID = draft.Part(string(m.ID), "thinking")
	}
	return strings.Join(spoken, "\n\n"), work
}

// detail is the contents of a <details> element.
type detail struct {
	sender chat.Sender
	text   string
}

var (
	detailsTag = regexp.MustCompile(`(?i)<details\b[^>]*>|</details\s*>`)
	detailType = regexp.MustCompile(`(?i)\btype\s*=\s*["'](reasoning|tool_calls|code_interpreter)["']`)
	summaryTag = regexp.MustCompile(`(?is)<summary\b[^>]*>.*?</summary\s*>`)
	attribute  = regexp.MustCompile(`(?is)\b(name|arguments|result)\s*=\s*"([^"]*)"`)
)

// withoutDetails removes the <details> elements that the program itself writes, and returns their contents. Other
// <details> belong to the answer. An element that is not closed ends with the text.
func withoutDetails(s string) (string, []detail) {
	var b strings.Builder
	var found []detail
	from, depth := 0, 0
	var opened [2]int // the tag of the outermost element that is removed
	for _, at := range detailsTag.FindAllStringIndex(s, -1) {
		tag := s[at[0]:at[1]]
		switch {
		case depth == 0 && tag[1] != '/' && detailType.MatchString(tag):
			b.WriteString(s[from:at[0]])
			opened, depth = [2]int{at[0], at[1]}, 1
		case depth > 0 && tag[1] != '/':
			depth++
		case depth > 0:
			if depth--; depth == 0 {
				found = append(found, detailOf(s[opened[0]:opened[1]], s[opened[1]:at[0]]))
				from = at[1]
			}
		}
	}
	if depth > 0 {
		found = append(found, detailOf(s[opened[0]:opened[1]], s[opened[1]:]))
		from = len(s)
	}
	if found == nil {
		return s, nil
	}
	b.WriteString(s[from:])
	return strings.TrimSpace(b.String()), found
}

func detailOf(tag, inner string) detail {
	text := summaryTag.ReplaceAllString(inner, "")
	if strings.EqualFold(detailType.FindStringSubmatch(tag)[1], "reasoning") {
		var lines []string
		for _, line := range strings.Split(strings.TrimSpace(text), "\n") { // the program quotes them with "> "
			lines = append(lines, strings.TrimPrefix(strings.TrimPrefix(html.UnescapeString(line), ">"), " "))
		}
		return detail{chat.Assistant, strings.Join(lines, "\n")}
	}
	var used []string
	for _, a := range attribute.FindAllStringSubmatch(tag, -1) {
		used = append(used, html.UnescapeString(a[2]))
	}
	return detail{chat.Tool, strings.TrimSpace(strings.Join(used, "\n") + "\n" + html.UnescapeString(text))}
}
