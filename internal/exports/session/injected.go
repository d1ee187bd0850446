package session

import (
	"strings"

	"github.com/lethe-chat/lethe/internal/chat"
)

// Injected says which texts in a user's turn were not typed by the user.
type Injected struct {
	Tags     []string // elements such as <system-reminder>: at the beginning of a text they are injected up to their end
	Prefixes []string // beginnings of texts that are injected as a whole
}

// Split divides the text of a user's turn into the text that was injected before the prompt, and the prompt. Either
// may be empty. An element without an end continues to the end of the text. Everything after the first typed word
// stays as it is, because users quote such elements.
func (i Injected) Split(text string) (injected []string, prompt string) {
	for {
		text = strings.TrimSpace(strings.TrimLeft(text, "\uFEFF \t\r\n"))
		if text == "" {
			return injected, ""
		}
		end := i.element(text)
		if end == 0 {
			break
		}
		injected = append(injected, strings.TrimSpace(text[:end]))
		text = text[end:]
	}
	for _, p := range i.Prefixes {
		if strings.HasPrefix(text, p) {
			return append(injected, text), ""
		}
	}
	return injected, text
}

// element returns the length of the injected element at the beginning of a text; 0 when
// there is none.
func (i Injected) element(text string) int {
	if text[0] != '<' {
		return 0
	}
	for _, tag := range i.Tags {
		rest, is := strings.CutPrefix(text[1:], tag)
		if !is || rest == "" || !strings.ContainsRune("> \t\r\n/", rune(rest[0])) {
			continue
		}
		end := "</" + tag + ">"
		if at := strings.Index(text, end); at >= 0 {
			return at + len(end)
		}
		return len(text)
	}
	return 0
}

// Element returns the contents of the first element with this tag in a text.
func Element(text, tag string) (string, bool) {
	_, after, found := strings.Cut(text, "<"+tag+">")
	if !found {
		return "", false
	}
	inside, _, closed := strings.Cut(after, "</"+tag+">")
	return strings.TrimSpace(inside), closed
}

// Prompt returns the messages of a user's turn: injected text as hidden messages of the system, and the prompt. m has
// their common fields; its text is divided.
func (i Injected) Prompt(m chat.UploadMessage) []chat.UploadMessage {
	injected, prompt := i.Split(m.Text)
	var all []chat.UploadMessage
	id := m.ExternalID
	for n, text := range injected {
		one := chat.UploadMessage{Role: System, Text: text, Hidden: true, CreatedAt: m.CreatedAt, Inferred: m.Inferred, Branch: m.Branch}
		if id != "" {
			one.ExternalID = Part(id+"#context", n)
		}
		all = append(all, one)
	}
	if prompt != "" || len(m.Files) > 0 { // it has the record's own id, whatever is injected before it
		m.Role, m.Text = Human, prompt
		all = append(all, m)
	}
	return all
}
