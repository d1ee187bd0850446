package history

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/chunker"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/text"
)

// Mode says which legs of the search answer.
type Mode string

// The search modes. Hybrid, the default, falls back to Keyword when there is no
// vector for the query; Semantic does too, and the answer says so.
const (
	Hybrid   Mode = "hybrid"
	Semantic Mode = "semantic"
	Keyword  Mode = "keyword"
)

// Limits of a search (MemoryPlugin, "Search chat history", and our own). Numbers
// beyond them are clamped.
const (
	DefaultSearchLimit   = 20
	MaxSearchLimit       = store.LegSize
	DefaultContextChunks = 4
	MaxContextChunks     = 20
	MaxQueryRunes        = 10_000
)

// SearchQuery asks for the passages nearest to a text.
type SearchQuery struct {
	Text          string
	Limit         int // 0 for DefaultSearchLimit
	Filter        chat.Filter
	Mode          Mode // empty for Hybrid
	ContextChunks int  // how many neighbouring passages come with each hit, half before and half after
	SkipRerank    bool // leave out the second stage, where there is one
}

// Hit is one passage that search found. Its message is the one in the passage
// that says most of the query.
type Hit struct {
	ConversationID string
	Title          string
	MessageID      string
	Sender         chat.Sender
	Time           time.Time
	Text           string
	Score          float64 // 0 to 1 within one answer; not comparable between answers
	Highlights     []Span
	Context        []Passage

	passage  chat.Passage // what Text is written from
	key      rank.Key
	platform string
}

// Span is a range of runes in a Hit's text: Start inclusive, End exclusive.
type Span struct{ Start, End int }

// Passage is a neighbour of a Hit, in the order of the conversation.
type Passage struct {
	Text   string
	Sender chat.Sender
	Time   time.Time
}

// SearchResult is the answer to a SearchQuery.
type SearchResult struct {
	Hits     []Hit
	Mode     Mode // the legs that really answered
	Reranked bool // whether the second stage ordered the best of them
}

// search is Access.Search.
func (h *History) search(ctx context.Context, ws chat.WorkspaceID, q SearchQuery) (SearchResult, error) {
	result, err := h.find(ctx, ws, q)
	if err != nil {
		return SearchResult{}, err
	}
	terms := text.Terms(q.Text)
	for i := range result.Hits {
		result.Hits[i].Highlights = highlights(result.Hits[i].Text, terms)
	}
	return result, nil
}

// find is Search without highlights, which cost as much as finding the passages'
// texts does.
func (h *History) find(ctx context.Context, ws chat.WorkspaceID, q SearchQuery) (SearchResult, error) {
	if err := q.normalize(); err != nil {
		return SearchResult{}, err
	}
	terms := text.Terms(q.Text)
	if h.reranker != nil && !q.SkipRerank {
		return h.findTwice(ctx, ws, q, terms)
	}
	found, mode, err := h.legs(ctx, ws, q, terms, q.Limit)
	if err != nil {
		return SearchResult{}, err
	}
	hits, err := h.look(ctx, ws, found, terms, q.ContextChunks)
	return SearchResult{Hits: hits, Mode: mode}, err
}

func (q *SearchQuery) normalize() error {
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
	if q.Limit == 0 {
		q.Limit = DefaultSearchLimit
	}
	q.Limit = min(max(q.Limit, 1), MaxSearchLimit)
	q.ContextChunks = min(max(q.ContextChunks, 0), MaxContextChunks)
	return found.Err()
}

// queryVector embeds the query when the mode wants it, and tells the mode that
// is left when the embedder has nothing to say.
func (h *History) queryVector(ctx context.Context, q SearchQuery) ([]float32, Mode, error) {
	if q.Mode == Keyword {
		return nil, Keyword, nil
	}
	vector, err := h.meaning.vector(ctx, q.Text)
	if err != nil {
		return nil, "", err
	}
	if vector != nil {
		return vector, q.Mode, nil
	}
	return nil, Keyword, nil // degraded, and the answer says so: never a failed search
}

// legs searches by words and by meaning, side by side, and fuses what they find. It
// tells the mode that has answered. Each leg sees a moment of its own, so what is
// deleted in between may still be among the keys: whoever looks them up misses it.
func (h *History) legs(ctx context.Context, ws chat.WorkspaceID, q SearchQuery, terms []string, limit int) (found []rank.Fused, mode Mode, err error) {
	var keyword, semantic []rank.Scored
	byWords := func() error {
		return h.store.Snapshot(ctx, func(v *store.View) (err error) {
			keyword, err = v.SearchKeyword(ws, terms, q.Filter)
			return err
		})
	}
	byMeaning := func() error {
		var vector []float32
		var err error
		if vector, mode, err = h.queryVector(ctx, q); err != nil || mode == Keyword {
			return err
		}
		return h.store.Snapshot(ctx, func(v *store.View) (err error) {
			semantic, err = v.SearchSemantic(ws, h.embedder.Model(), vector, q.Filter)
			return err
		})
	}
	switch q.Mode {
	case Keyword:
		mode, err = Keyword, byWords()
	case Semantic:
		if err = byMeaning(); err == nil && mode == Keyword {
			err = byWords()
		}
	default:
		err = sideBySide(2, 2, func(leg int) error { return []func() error{byWords, byMeaning}[leg]() })
	}
	return rank.Fuse(keyword, semantic, limit), mode, err
}

// look looks up what was found, in one moment.
func (h *History) look(ctx context.Context, ws chat.WorkspaceID, found []rank.Fused, terms []string, contextChunks int) (hits []Hit, err error) {
	err = h.store.Snapshot(ctx, func(v *store.View) (err error) {
		hits, err = hydrate(v, ws, found, terms, contextChunks)
		return err
	})
	return hits, err
}

// hydrate turns ranked keys into hits: their text, where it was said, what
// stands around it.
func hydrate(v *store.View, ws chat.WorkspaceID, found []rank.Fused, terms []string, contextChunks int) ([]Hit, error) {
	hits := make([]Hit, 0, len(found))
	own := make(map[rank.Key]bool, len(found))
	var keys []rank.Key
	for _, f := range found {
		own[f.Key] = true
	}
	for _, f := range found {
		keys = append(keys, f.Key)
		for _, k := range neighbours(f.Key, contextChunks) {
			if !own[k] {
				keys = append(keys, k)
			}
		}
	}
	passages, err := passagesByKey(v, ws, keys)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		p, ok := passages[f.Key]
		if !ok || len(p.Content.Own()) == 0 {
			continue
		}
		said := bestMessage(p.Content, terms)
		hit := Hit{
			ConversationID: p.Conversation, Title: p.Title, MessageID: said.MessageID, Sender: said.Sender, Time: said.CreatedAt,
			Text: chunker.Render(p.Content), Score: f.Score, Context: []Passage{},
			passage: p.Content, key: f.Key, platform: p.Platform,
		}
		for _, k := range neighbours(f.Key, contextChunks) {
			if own := passages[k].Content.Own(); len(own) > 0 {
				hit.Context = append(hit.Context, Passage{Text: chunker.Render(passages[k].Content), Sender: own[0].Sender, Time: own[0].CreatedAt})
			}
		}
		hits = append(hits, hit)
	}
	return hits, nil
}

// neighbours are the keys around a passage, in order: half of them before it,
// the rest after.
func neighbours(k rank.Key, n int) []rank.Key {
	var keys []rank.Key
	for d := -(n / 2); d <= n-n/2; d++ {
		if position := k.Position + d; d != 0 && position >= 0 {
			keys = append(keys, rank.Key{Conversation: k.Conversation, Position: position})
		}
	}
	return keys
}

func passagesByKey(v *store.View, ws chat.WorkspaceID, keys []rank.Key) (map[rank.Key]store.Passage, error) {
	list, err := v.Passages(ws, keys)
	byKey := make(map[rank.Key]store.Passage, len(list))
	for _, p := range list {
		byKey[p.Key] = p
	}
	return byKey, err
}

// bestMessage is the first part of the message that says most of the query's words in a
// passage; of the first such message on a tie. The passage must have a part of its own.
func bestMessage(p chat.Passage, terms []string) chat.Excerpt {
	own := p.Own()
	if first, last := own[0], own[len(own)-1]; first.Position == last.Position {
		return first
	}
	wanted := make(map[string]bool, len(terms))
	for _, t := range terms {
		wanted[t] = true
	}
	best, most := own[0], -1
	for len(own) > 0 {
		first, said := own[0], map[string]bool{}
		for len(own) > 0 && own[0].Position == first.Position {
			for _, t := range text.Terms(own[0].Text) {
				if wanted[t] {
					said[t] = true
				}
			}
			own = own[1:]
		}
		if len(said) > most {
			best, most = first, len(said)
		}
	}
	return best
}

func highlights(passage string, terms []string) []Span {
	spans := []Span{}
	for _, s := range text.Spans(passage, terms) {
		spans = append(spans, Span{Start: s.Start, End: s.End})
	}
	return spans
}
