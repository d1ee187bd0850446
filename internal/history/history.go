// Package history is the one front door to the chat history: ingest, list,
// read, edit, delete, search, recall, keys. Every transport calls it, so a rule
// that is kept here is kept everywhere. It knows no HTTP and no SQL.
package history

import (
	"context"
	"time"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
)

// Ingested is the answer to an upload.
type Ingested struct {
	ImportID     string
	Conversation chat.Conversation
}

// Deleted tells which of the asked-for conversations a delete removed.
type Deleted struct {
	IDs []string // in the order of the request; empty, never nil
}

// Mode says which legs of the search may answer.
type Mode string

// The search modes.
const (
	Hybrid   Mode = "hybrid"
	Semantic Mode = "semantic"
	Keyword  Mode = "keyword"
)

// SearchQuery asks for the passages nearest to a text.
type SearchQuery struct {
	Text          string
	Limit         int
	Filter        chat.Filter
	Mode          Mode
	ContextChunks int
}

// Hit is one passage that search found.
type Hit struct {
	ConversationID string
	Title          string
	MessageID      string
	Sender         chat.Sender
	Time           time.Time
	Text           string
	Score          float64
	Highlights     []Span
	Context        []Passage
}

// Span is a range of runes in a Hit's text.
type Span struct{ Start, End int }

// Passage is a neighbour of a Hit.
type Passage struct {
	Text   string
	Sender chat.Sender
	Time   time.Time
}

// SearchResult is the answer to a SearchQuery.
type SearchResult struct {
	Hits []Hit
	Mode Mode // the legs that really answered
}

// RecallQuery asks for a digest of what the history knows.
type RecallQuery struct {
	Text      string
	MaxTokens int
	Platform  string            // a formatting hint
	Context   string            // the conversation that the digest is for
	Turns     []chat.RecallTurn // its last turns
	Queries   []RecallPart      // when set, each is searched and written up on its own
}

// RecallPart is one of a RecallQuery's own queries.
type RecallPart struct {
	Text      string
	MaxTokens int
}

// Recollection is the answer to a RecallQuery.
type Recollection struct {
	Content string
	Sources []Source
	Tokens  int
	Model   string
	Results []PartRecollection // one a query, when the RecallQuery had several
}

// PartRecollection is the answer to a RecallPart.
type PartRecollection struct {
	Query   string
	Content string
	Sources []Source
	Tokens  int
}

// Source cites a passage of a digest.
type Source struct {
	ConversationID string
	Title          string
	MessageID      string
	Date           time.Time
	Score          float64
}
