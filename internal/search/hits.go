package search

import (
	"context"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/chunker"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/text"
)

// Result is the answer to a Query.
type Result struct {
	Hits     []Hit // best first
	Mode     Mode  // the legs that answered
	Reranked bool  // whether the reranker ordered the best hits
}

// Hit is one passage that a search found, and the message in it that contains most words of
// the query.
type Hit struct {
	ConversationID chat.ConversationID
	Title          string
	Platform       string
	MessageID      chat.MessageID
	MessageIndex   int // the place of that message in the conversation, from 0
	Sender         chat.Sender
	Time           time.Time
	Text           string  // the passage as it is shown
	Score          float64 // 0 to 1: how probable it is that the passage has to do with the query (rank.Relevance)
	Highlights     []Span  // of the query's words in Text; empty after Find
	Context        []Neighbour

	Key     rank.Key
	Passage chat.Passage // that Text was written from
}

// Block returns the whole passage as it is indexed: the day and the title, and what each
// message says in it, after its sender.
func (h Hit) Block() string { return chunker.Render(h.Passage) }

// Block is Hit.Block for a neighbour.
func (n Neighbour) Block() string { return chunker.Render(n.Passage) }

// Span is a range of runes in a Hit's text: Start is the first rune, End the one after the last.
type Span = text.Span

// Neighbour is a passage before or after a Hit, in the order of the conversation, and the
// message in it that contains most words of the query.
type Neighbour struct {
	MessageID chat.MessageID
	Sender    chat.Sender
	Time      time.Time
	Text      string // what that message says in the passage
	Passage   chat.Passage
}

// readHits reads the passages of ranked keys in one snapshot. Keys whose passage was deleted
// are left out, and passages below the query's floor.
func (s *Searcher) readHits(ctx context.Context, ws chat.WorkspaceID, q Query, f found, terms []string) (hits []Hit, err error) {
	keys := keysToRead(f.ranked, q.ContextChunks)
	passages, err := s.readPassages(ctx, ws, keys)
	if err != nil {
		return nil, err
	}
	wanted := make(map[string]bool, len(terms))
	for _, t := range terms {
		wanted[t] = true
	}
	hits = make([]Hit, 0, len(f.ranked))
	for _, r := range f.ranked {
		p, ok := passages[r.Key]
		if !ok || len(p.Content.Own()) == 0 {
			continue
		}
		best := bestMessage(p.Content, wanted)
		hits = append(hits, Hit{
			ConversationID: p.Conversation, Title: p.Title, Platform: p.Platform,
			MessageID: best[0].MessageID, MessageIndex: best[0].Position, Sender: best[0].Sender, Time: best[0].CreatedAt,
			Text: chunker.Words(best), Score: f.relevance(r.Key, text.Terms(chunker.Render(p.Content))), Highlights: []Span{},
			Context: contextOf(r.Key, q.ContextChunks, passages, wanted), Key: r.Key, Passage: p.Content,
		})
	}
	return f.relevant(q, hits), nil
}

// keysToRead returns the keys of the hits and of their neighbours, each once as far as hits
// are concerned.
func keysToRead(found []rank.Fused, contextChunks int) []rank.Key {
	isHit := make(map[rank.Key]bool, len(found))
	for _, f := range found {
		isHit[f.Key] = true
	}
	var keys []rank.Key
	for _, f := range found {
		keys = append(keys, f.Key)
		for _, k := range neighbourKeys(f.Key, contextChunks) {
			if !isHit[k] {
				keys = append(keys, k)
			}
		}
	}
	return keys
}

func contextOf(hit rank.Key, contextChunks int, passages map[rank.Key]store.Passage, wanted map[string]bool) []Neighbour {
	neighbours := []Neighbour{}
	for _, k := range neighbourKeys(hit, contextChunks) {
		p := passages[k].Content
		if len(p.Own()) == 0 {
			continue
		}
		best := bestMessage(p, wanted)
		neighbours = append(neighbours, Neighbour{
			MessageID: best[0].MessageID, Sender: best[0].Sender, Time: best[0].CreatedAt, Text: chunker.Words(best), Passage: p,
		})
	}
	return neighbours
}

// neighbourKeys returns the n keys around a passage, in order: half of them before it, the
// rest after it.
func neighbourKeys(k rank.Key, n int) []rank.Key {
	var keys []rank.Key
	for d := -(n / 2); d <= n-n/2; d++ {
		if position := k.Position + d; d != 0 && position >= 0 {
			keys = append(keys, rank.Key{Conversation: k.Conversation, Position: position})
		}
	}
	return keys
}

// readPassages reads passages in one snapshot. Deleted ones are not in the map.
func (s *Searcher) readPassages(ctx context.Context, ws chat.WorkspaceID, keys []rank.Key) (passages map[rank.Key]store.Passage, err error) {
	err = s.store.Snapshot(ctx, func(v *store.View) error {
		list, err := v.Passages(ws, keys)
		passages = make(map[rank.Key]store.Passage, len(list))
		for _, p := range list {
			passages[p.Key] = p
		}
		return err
	})
	return passages, err
}

// Changed returns the keys of those hits whose passage or title was changed or deleted since
// they were found. It reads all of them in one snapshot.
func (s *Searcher) Changed(ctx context.Context, ws chat.WorkspaceID, hits []Hit) (map[rank.Key]bool, error) {
	keys := make([]rank.Key, len(hits))
	for i, hit := range hits {
		keys[i] = hit.Key
	}
	current, err := s.readPassages(ctx, ws, keys)
	if err != nil {
		return nil, err
	}
	changed := map[rank.Key]bool{}
	for _, hit := range hits {
		if p, ok := current[hit.Key]; !ok || chunker.Render(p.Content) != hit.Block() || p.Title != hit.Title {
			changed[hit.Key] = true
		}
	}
	return changed, nil
}

// bestMessage returns the parts of the message that contains most of the wanted terms; if there is a tie, of the
// first such message. The passage must have a part that is not repeated.
func bestMessage(p chat.Passage, wanted map[string]bool) (best []chat.Excerpt) {
	most := -1
	for own := p.Own(); len(own) > 0; {
		parts := own[:sameMessage(own)]
		own = own[len(parts):]
		if len(own) == 0 && best == nil { // the only message
			return parts
		}
		matched := map[string]bool{}
		for _, part := range parts {
			for _, t := range text.Terms(part.Text) {
				if wanted[t] {
					matched[t] = true
				}
			}
		}
		if len(matched) > most {
			best, most = parts, len(matched)
		}
	}
	return best
}

// sameMessage returns how many of the first parts are of one message.
func sameMessage(parts []chat.Excerpt) int {
	n := 1
	for n < len(parts) && parts[n].Position == parts[0].Position {
		n++
	}
	return n
}
