package recall

import (
	"strings"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
)

// Limits of a recall (MemoryPlugin, "Inject"). Larger budgets are reduced to the limit; more
// queries are refused.
const (
	DefaultTokens = 600
	MaxTokens     = 2000
	MaxQueries    = 15
)

// Query asks for a digest of what the history says.
type Query struct {
	Text      string // may be empty when there are Queries
	MaxTokens int    // the budget of the digest; 0 for DefaultTokens
	Platform  string // for whom the digest is formatted: claude, chatgpt, typingmind or empty
	Context   string // what the conversation that asks is about
	Turns     []chat.RecallTurn
	Filter    chat.Filter // which conversations are searched
	Queries   []SubQuery  // if there are any, each has a digest of its own, and Text is not searched
}

// SubQuery is one of a Query's Queries.
type SubQuery struct {
	Text      string
	MaxTokens int // 0 for the MaxTokens of the Query
}

// normalize fills in the defaults and reports every broken rule.
func (q *Query) normalize() error {
	if len(q.Queries) > MaxQueries {
		return fault.Breaks(fault.At("queries"), "must have at most %d entries, got %d", MaxQueries, len(q.Queries))
	}
	if len(q.Queries) == 0 && strings.TrimSpace(q.Text) == "" {
		return fault.Breaks(fault.At("text"), "must not be blank (or give %s)", fault.At("queries"))
	}
	var found fault.Problems
	if q.MaxTokens == 0 {
		q.MaxTokens = DefaultTokens
	}
	q.MaxTokens = min(max(q.MaxTokens, 1), MaxTokens)
	for i := range q.Queries {
		sub := &q.Queries[i]
		if strings.TrimSpace(sub.Text) == "" {
			found.Add(fault.At("queries").Item(i).Field("text"), "must not be blank")
		}
		if sub.MaxTokens == 0 {
			sub.MaxTokens = q.MaxTokens
		}
		sub.MaxTokens = min(max(sub.MaxTokens, 1), MaxTokens)
	}
	return found.Err()
}
