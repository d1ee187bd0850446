package gemini

import (
	"strings"
	"unicode"
)

// wording is what promptOf found out.
type wording int

const (
	promptFound wording = iota
	wholeTitle
	notAPrompt
	unknownWording
)

// separateVerb is the action of an entry whose prompt has a field of its own.
const separateVerb = "Prompted"

// prompts are the words that Google puts before a prompt in its activity log. An export is in
// the language of the account; those of other languages are recognised by their answer.
var prompts = []string{
	"Prompted with: ", "Prompted: ", "Prompted ", "Live Prompt ", "Branched ", "Answered ", "Asked Gemini: ", "Asked Bard: ", "Asked: ", "Asked ", "Said ",
	"Eingegebener Prompt: ", "Gav instruktionen ",
}

// others are the beginnings of entries that are not prompts.
var others = []string{
	"Created", "Used", "Added", "Gave feedback", "Cleared", "Selected", "Answered survey", "Shared", "Deleted", "Viewed", "Visited", "Searched",
	"Edited", "Pinned", "Renamed", "Exported", "Updated", "Canvas", "Feedback", "Feedback gegeben",
}

// promptOf takes the verb away from the beginning of an entry. action is the verb when the
// file has it apart from the text.
func promptOf(action, text string, answered bool) (string, wording) {
	text = clean(text)
	if action = clean(action); action != "" {
		switch {
		case begins(action+" ", others):
			return "", notAPrompt
		case begins(action+" ", prompts) || begins(action+": ", prompts):
			return text, promptFound
		case answered:
			return text, promptFound
		}
		return "", unknownWording
	}
	switch {
	case begins(text+" ", []string{"Answered survey"}):
		return "", notAPrompt
	case begins(text+" ", prompts):
		return clean(after(text+" ", prompts)), promptFound
	case begins(text+" ", others):
		return "", notAPrompt
	case answered:
		return text, wholeTitle
	}
	return "", unknownWording
}

// begins reports whether a text begins with one of the beginnings, as whole words.
func begins(text string, beginnings []string) bool {
	for _, b := range beginnings {
		rest, ok := strings.CutPrefix(text, b)
		if ok && (strings.HasSuffix(b, " ") || rest == "" || !unicode.IsLetter([]rune(rest)[0])) {
			return true
		}
	}
	return false
}

func after(text string, beginnings []string) string {
	for _, b := range beginnings {
		if rest, ok := strings.CutPrefix(text, b); ok {
			return rest
		}
	}
	return text
}

// breaking replaces the spaces that do not break, which Google writes between words and
// before AM and PM, and the line breaks of Windows.
var breaking = strings.NewReplacer("\u00a0", " ", "\u202f", " ", "\r\n", "\n")

// clean is a text with plain spaces, without white space at its ends.
func clean(s string) string { return strings.TrimSpace(breaking.Replace(s)) }

// isGemini reports whether a heading names Gemini Apps, or Bard before it, in any language:
// "Gemini Apps", "Gemini-Apps", "Gemini-appar", "Gemini アプリ", "Applications Gemini". The
// whole heading counts, so an entry of another product that mentions Gemini is not taken.
func isGemini(heading string) bool {
	words := strings.FieldsFunc(clean(heading), func(r rune) bool { return unicode.IsSpace(r) || r == '-' })
	if len(words) == 0 || len(words) > 4 {
		return false
	}
	for _, w := range words {
		if w == "Gemini" || w == "Bard" || strings.HasPrefix(w, "Gemini") && !isLatin(strings.TrimPrefix(w, "Gemini")) {
			return true
		}
	}
	return false
}

// isLatin reports whether a text begins with a Latin letter: "Geminid" is another word,
// "Gemini应用" is not.
func isLatin(s string) bool {
	for _, r := range s {
		return unicode.Is(unicode.Latin, r)
	}
	return true
}
