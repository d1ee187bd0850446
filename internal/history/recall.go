package history

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/chunker"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/tokens"
)

// Limits of a recall (MemoryPlugin, "Inject"). Larger budgets are clamped.
const (
	DefaultRecallTokens = 600
	MaxRecallTokens     = 2000
	MaxRecallQueries    = 15
)

// ExtractiveModel is what Recollection.Model says when no language model wrote
// the digest.
const ExtractiveModel = "extractive"

// RecallQuery asks for a digest of what the history knows.
type RecallQuery struct {
	Text      string // may be empty when there are Queries
	MaxTokens int    // 0 for DefaultRecallTokens
	Platform  string // for whom the digest is formatted: claude, chatgpt, typingmind or empty
	Context   string // what the conversation that wants the digest is about
	Turns     []chat.RecallTurn
	Queries   []RecallPart // when there are any, each is searched and written up on its own
}

// RecallPart is one of a RecallQuery's own queries.
type RecallPart struct {
	Text      string
	MaxTokens int // 0 for the RecallQuery's
}

// Recollection is the answer to a RecallQuery.
type Recollection struct {
	Content string
	Sources []Source // what Content cites, in the order of its numbers
	Tokens  int      // of Content
	Model   string
	Results []PartRecollection // one a query when there were Queries, else nil
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

// recallHits is how many passages a digest chooses from.
const recallHits = 40

// Recall writes a digest of the passages that answer the query best, within the
// token budget, each dated and cited. The text is recalled, not trusted: it is
// delimited as data, so that nothing in it reads as an instruction. Invalid when
// there is no query, or more than MaxRecallQueries.
func (h *History) Recall(ctx context.Context, ws chat.WorkspaceID, q RecallQuery) (Recollection, error) {
	if err := q.normalize(); err != nil {
		return Recollection{}, err
	}
	if len(q.Queries) == 0 {
		part, err := h.recallPart(ctx, ws, q, RecallPart{Text: q.Text, MaxTokens: q.MaxTokens})
		return Recollection{Content: part.Content, Sources: part.Sources, Tokens: part.Tokens, Model: ExtractiveModel}, err
	}
	out := Recollection{Model: ExtractiveModel, Sources: []Source{}, Results: []PartRecollection{}}
	var sections []string
	cited := map[string]bool{}
	for _, part := range q.Queries {
		r, err := h.recallPart(ctx, ws, q, part)
		if err != nil {
			return Recollection{}, err
		}
		out.Results = append(out.Results, r)
		if r.Content != "" {
			sections = append(sections, "## "+oneLine(part.Text)+"\n\n"+r.Content)
		}
		for _, s := range r.Sources {
			if id := s.ConversationID + s.MessageID; !cited[id] {
				cited[id] = true
				out.Sources = append(out.Sources, s)
			}
		}
	}
	out.Content = strings.Join(sections, "\n\n")
	out.Tokens = tokens.Count(out.Content)
	return out, nil
}

func (q *RecallQuery) normalize() error {
	if len(q.Queries) > MaxRecallQueries {
		return fault.Invalidf("queries must have at most %d entries, got %d", MaxRecallQueries, len(q.Queries))
	}
	if len(q.Queries) == 0 && strings.TrimSpace(q.Text) == "" {
		return fault.Invalidf("query must not be blank (or give queries)")
	}
	if q.MaxTokens == 0 {
		q.MaxTokens = DefaultRecallTokens
	}
	q.MaxTokens = min(max(q.MaxTokens, 1), MaxRecallTokens)
	for i := range q.Queries {
		p := &q.Queries[i]
		if strings.TrimSpace(p.Text) == "" {
			return fault.Invalidf("queries[%d].query must not be blank", i)
		}
		if p.MaxTokens == 0 {
			p.MaxTokens = q.MaxTokens
		}
		p.MaxTokens = min(max(p.MaxTokens, 1), MaxRecallTokens)
	}
	return nil
}

func (h *History) recallPart(ctx context.Context, ws chat.WorkspaceID, q RecallQuery, part RecallPart) (PartRecollection, error) {
	found, err := h.Search(ctx, ws, SearchQuery{Text: q.enrich(part.Text), Limit: recallHits})
	if err != nil {
		return PartRecollection{}, err
	}
	content, sources := digest(found.Hits, part.MaxTokens, q.Platform)
	return PartRecollection{Query: part.Text, Content: content, Sources: sources, Tokens: tokens.Count(content)}, nil
}

const (
	vagueTerms   = 3   // a query of fewer terms leans on its conversation
	contextRunes = 400 // of which only so much counts
)

// enrich adds to a vague query ("and the second one?") what its conversation is
// about. A query that stands on its own is left alone.
func (q *RecallQuery) enrich(text string) string {
	if len(rank.Analyze(text)) >= vagueTerms {
		return text
	}
	about := q.Context
	for i := len(q.Turns) - 1; i >= 0 && about == ""; i-- {
		if q.Turns[i].Sender == chat.Human {
			about = q.Turns[i].Text
		}
	}
	if runes := []rune(about); len(runes) > contextRunes {
		about = string(runes[len(runes)-contextRunes:])
	}
	return strings.TrimSpace(text + " " + about)
}

const (
	minPassageTokens = 24 // a passage is not cut shorter than this
	maxPassageShare  = 2  // one passage takes at most 1/2 of the budget, unless it is alone
)

// digest packs the best passages into the budget, drops near-duplicates, and
// puts what is chosen in the order of time.
func digest(hits []Hit, budget int, platform string) (string, []Source) {
	frame := frameFor(platform)
	left := budget - tokens.Count(frame.render(nil))
	var chosen []quote
	for _, hit := range hits {
		q := frame.quote(hit)
		if resembles(chosen, q) || !q.trim(min(left, max(budget/maxPassageShare, minPassageTokens))) {
			continue
		}
		cost := tokens.Count(q.block(len(chosen)+1)) + 1
		if cost > left {
			continue
		}
		left -= cost
		chosen = append(chosen, q)
	}
	for ; len(chosen) > 0; chosen = chosen[:len(chosen)-1] { // the least relevant last
		ordered := byTime(chosen)
		content := frame.render(ordered)
		if tokens.Count(content) <= budget { // counts of parts do not always add up
			return content, sourcesOf(ordered)
		}
	}
	return "", []Source{}
}

func sourcesOf(quotes []quote) []Source {
	sources := make([]Source, len(quotes))
	for i, q := range quotes {
		sources[i] = Source{
			ConversationID: q.hit.ConversationID, Title: q.hit.Title, MessageID: q.hit.MessageID,
			Date: q.hit.Time, Score: q.hit.Score,
		}
	}
	return sources
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// quote is a passage on its way into a digest. What it says can no longer close
// the digest's frame.
type quote struct {
	hit         Hit
	title, text string
	terms       []string
}

func (f frame) quote(hit Hit) quote {
	return quote{
		hit: hit, title: f.escape(hit.Title), text: f.escape(strings.TrimSpace(chunker.Body(hit.Text))),
		terms: rank.Analyze(hit.Text),
	}
}

func resembles(chosen []quote, q quote) bool {
	for _, other := range chosen {
		if rank.NearDuplicate(other.terms, q.terms) {
			return true
		}
	}
	return false
}

// trim cuts the text so that its whole block has at most so many tokens. It
// reports false when too little would be left to be worth reading.
func (q *quote) trim(budget int) bool {
	over := tokens.Count(q.block(99)) + 1 - budget
	if over <= 0 {
		return true
	}
	keep := tokens.Count(q.text) - over - 1
	if keep < minPassageTokens {
		return false
	}
	q.text = tokens.Cut(q.text, keep) + "…"
	return true
}

// block is how a quote reads: its number, date, title, and the words.
func (q quote) block(number int) string {
	return fmt.Sprintf("[%d] %s · %q (%s)\n%s", number, q.hit.Time.UTC().Format(time.DateOnly), q.title, q.hit.platform, q.text)
}
