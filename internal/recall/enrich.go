package recall

import (
	"strings"
	"unicode"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/text"
)

// How much of its conversation is added to a vague query. It is little, because each added word
// weighs as much in the search as a word of the query.
const (
	vagueTerms     = 3    // a query of fewer terms is vague
	referringTerms = 5    // a query of fewer terms is vague if it refers to something ("how old is she")
	contextRunes   = 300  // of Query.Context
	turnRunes      = 200  // of the last turn of each side
	longQuery      = 2000 // bytes; a longer query is searched as it is
)

// referring are words that refer to something said before. "That" is missing, because it mostly joins two clauses.
var referring = map[string]bool{
	"it": true, "its": true, "this": true, "these": true, "those": true, "they": true, "them": true, "their": true,
	"he": true, "him": true, "his": true, "she": true, "her": true, "hers": true, "there": true,
	"one": true, "ones": true, "former": true, "latter": true, "same": true,
}

// enrich adds to a vague query ("and the second one?") what its conversation is about: the
// context, or else the last turns of both sides. Other queries are returned as they are.
func (q *Query) enrich(query string) string {
	if len(query) > longQuery || !vague(query) {
		return query
	}
	topic := beginning(q.Context, contextRunes)
	if topic == "" {
		topic = strings.TrimSpace(q.lastTurn(chat.Human, query) + " " + q.lastTurn(chat.Assistant, query))
	}
	return strings.TrimSpace(query + " " + topic)
}

func vague(query string) bool {
	n := len(text.Terms(query))
	return n < vagueTerms || (n < referringTerms && refers(query))
}

// refers reports whether a query has a word that refers to something said before.
func refers(query string) bool {
	words := strings.FieldsFunc(strings.ToLower(query), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for _, w := range words {
		if referring[w] {
			return true
		}
	}
	return false
}

// lastTurn returns the last turn of one side. It skips the query itself, which clients often
// send as the last turn too.
func (q *Query) lastTurn(sender chat.Sender, query string) string {
	for i := len(q.Turns) - 1; i >= 0; i-- {
		turn := q.Turns[i]
		if line := oneLine(turn.Text); turn.Sender == sender && line != "" && line != oneLine(query) {
			return beginning(line, turnRunes)
		}
	}
	return ""
}

// beginning returns the first runes of a text, on one line and cut after a word.
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
