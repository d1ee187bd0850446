package search

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store"
)

// Mode says which legs answer a search.
type Mode string

// The search modes. Hybrid is the default. Hybrid and Semantic fall back to Keyword when
// there is no vector for the query.
const (
	Hybrid   Mode = "hybrid"
	Semantic Mode = "semantic"
	Keyword  Mode = "keyword"
)

// Limits of a search (MemoryPlugin, "Search chat history", and our own). Larger numbers are
// reduced to the limit; a longer text is refused.
const (
	DefaultLimit         = 20
	MaxLimit             = store.LegSize
	DefaultContextChunks = 4
	MaxContextChunks     = 20
	MaxQueryRunes        = 10_000
)

// Query asks for the passages nearest to a text.
type Query struct {
	Text          string
	Limit         int // 0 for DefaultLimit
	Filter        chat.Filter
	Mode          Mode // empty for Hybrid
	ContextChunks int  // number of neighbouring passages per hit, half before and half after
	SkipRerank    bool // do not ask the reranker

	// MinScore is the score below which a passage is not in the answer, 0 to 1; nil for
	// rank.SearchFloor.
	MinScore *float64

	Zone *time.Location // of the person who asks, for the days that Text names; nil for Options.Zone
}

// normalize fills in the defaults and reports every broken rule.
func (q *Query) normalize() error {
	var found fault.Problems
	q.Text = strings.TrimSpace(q.Text)
	switch n := utf8.RuneCountInString(q.Text); {
	case n == 0:
		found.Add(fault.At("text"), "must not be blank")
	case n > MaxQueryRunes:
		found.Add(fault.At("text"), "must have at most %d characters, got %d", MaxQueryRunes, n)
	}
	switch q.Mode {
	case "":
		q.Mode = Hybrid
	case Hybrid, Semantic, Keyword:
	default:
		found.Add(fault.At("mode"), "must be hybrid, semantic or keyword")
	}
	if q.MinScore != nil && !(*q.MinScore >= 0 && *q.MinScore <= 1) {
		found.Add(fault.At("floor"), "must be between 0 and 1")
	}
	if q.Limit == 0 {
		q.Limit = DefaultLimit
	}
	q.Limit = min(max(q.Limit, 1), MaxLimit)
	q.ContextChunks = min(max(q.ContextChunks, 0), MaxContextChunks)
	return found.Err()
}

// floor returns the score below which a passage is not in the answer.
func (q *Query) floor() float64 {
	if q.MinScore != nil {
		return *q.MinScore
	}
	return rank.SearchFloor
}
