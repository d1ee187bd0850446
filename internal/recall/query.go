package recall

import (
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/search"
	"github.com/lethe-chat/lethe/internal/text"
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
	MinScore  *float64       // the score below which a passage is not used; nil for rank.RecallFloor
	Filter    chat.Filter    // which conversations are searched
	Zone      *time.Location // of the days in the digest and in the question; nil for Options.Zone
	Queries   []SubQuery     // if there are any, each has a digest of its own, and Text is not searched
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
	if q.MinScore == nil {
		q.MinScore = new(rank.RecallFloor)
	}
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

// searched returns what is searched for, cut to what a search takes. The heading of a section
// is paid from its budget.
func (q *Query) searched() []SubQuery {
	if len(q.Queries) == 0 {
		return []SubQuery{{Text: searchable(q.Text), MaxTokens: q.MaxTokens}}
	}
	queries := make([]SubQuery, len(q.Queries))
	for i, sub := range q.Queries {
		heading := text.Tokens(sectionHeading(sub.Text)+"\n\n") + 1
		queries[i] = SubQuery{Text: searchable(sub.Text), MaxTokens: max(sub.MaxTokens-heading, 1)}
	}
	return queries
}

// searchable returns the beginning of a query that a search takes. A client may send a whole
// message as the query, and it must not fail because the message is long.
func searchable(query string) string {
	query = strings.TrimSpace(query)
	if runes := []rune(query); len(runes) > search.MaxQueryRunes {
		return string(runes[:search.MaxQueryRunes])
	}
	return query
}
