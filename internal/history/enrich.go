package history

import (
	"strings"
	"unicode"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/text"
)

// How much a query leans on the conversation that asks it. What is added stays
// short, because each of its words weighs as much in the search as one of the
// query's own.
const (
	vagueTerms     = 3    // a query of fewer terms says too little alone
	referringTerms = 5    // and one of fewer than these does when it points at something ("how old is she")
	contextRunes   = 300  // of what the conversation is about, its beginning
	turnRunes      = 200  // of the last turn of each side, its beginning
	longQuery      = 2000 // bytes; a query of more is no follow-up, whatever its words, and needs its room
)

// referring are the words that stand for something said before. "That" is not
// among them: mostly it joins two clauses.
var referring = map[string]bool{
	"it": true, "its": true, "this": true, "these": true, "those": true, "they": true, "them": true, "their": true,
	"he": true, "him": true, "his": true, "she": true, "her": true, "hers": true, "there": true,
	"one": true, "ones": true, "former": true, "latter": true, "same": true,
}

// enrich adds to a vague query ("and the second one?") what its conversation is
// about: the context it came with, else the last turns of both sides. A query that
// stands on its own is left alone.
func (q *RecallQuery) enrich(text string) string {
	if len(text) > longQuery || !vague(text) {
		return text
	}
	about := beginning(q.Context, contextRunes)
	if about == "" {
		about = strings.TrimSpace(q.lastTurn(chat.Human, text) + " " + q.lastTurn(chat.Assistant, text))
	}
	return strings.TrimSpace(text + " " + about)
}

func vague(query string) bool {
	n := len(text.Terms(query))
	return n < vagueTerms || (n < referringTerms && refers(query))
}

func refers(text string) bool {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for _, w := range words {
		if referring[w] {
			return true
		}
	}
	return false
}

// lastTurn is the last thing that one side said, but for the query itself, which
// clients often send as the last turn too.
func (q *RecallQuery) lastTurn(sender chat.Sender, query string) string {
	for i := len(q.Turns) - 1; i >= 0; i-- {
		turn := q.Turns[i]
		if said := oneLine(turn.Text); turn.Sender == sender && said != "" && said != oneLine(query) {
			return beginning(said, turnRunes)
		}
	}
	return ""
}

// beginning is the beginning of a text, in whole words, at most so many runes.
func beginning(text string, limit int) string {
	text = oneLine(text)
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	cut := string(runes[:limit])
	if at := strings.LastIndexByte(cut, ' '); at > len(cut)/2 {
		cut = cut[:at]
	}
	return cut
}
