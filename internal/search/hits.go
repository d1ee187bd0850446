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

// Hit is one passage that a search found. The message it names is the one in the passage
// that contains most words of the query.
type Hit struct {
	ConversationID chat.ConversationID
	Title          string
	Platform       string
	MessageID      chat.MessageID
	MessageIndex   int // the place of that message in the conversation, from 0
	Sender         chat.Sender
	Time           time.Time
	Text           string  // the passage as it is shown
	Score          float64 // 0 to 1 within one answer; not comparable between answers
	Highlights     []Span  // of the query's words in Text; empty after Find
	Context        []Neighbour

	Key     rank.Key
	Passage chat.Passage // that Text was written from
}

// Span is a range of runes in a Hit's text: Start is the first rune, End the one after the last.
type Span = text.Span

// Neighbour is a passage before or after a Hit, in the order of the conversation.
type Neighbour struct {
	Text   string
	Sender chat.Sender
	Time   time.Time
}

// readHits reads the passages of ranked keys in one snapshot. Keys whose passage was deleted
// are left out.
func (s *Searcher) readHits(ctx context.Context, ws chat.WorkspaceID, found []rank.Fused, terms []string, contextChunks int) (hits []Hit, err error) {
	keys := keysToRead(found, contextChunks)
	passages, err := s.readPassages(ctx, ws, keys)
	if err != nil {
		return nil, err
	}
	hits = make([]Hit, 0, len(found))
	for _, f := range found {
		p, ok := passages[f.Key]
		if !ok || len(p.Content.Own()) == 0 {
			continue
		}
		best := bestMessage(p.Content, terms)
		hits = append(hits, Hit{
			ConversationID: p.Conversation, Title: p.Title, Platform: p.Platform,
			MessageID: best.MessageID, MessageIndex: best.Position, Sender: best.Sender, Time: best.CreatedAt,
			Text: chunker.Render(p.Content), Score: f.Score, Highlights: []Span{},
			Context: contextOf(f.Key, contextChunks, passages), Key: f.Key, Passage: p.Content,
		})
	}
	return hits, nil
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

func contextOf(hit rank.Key, contextChunks int, passages map[rank.Key]store.Passage) []Neighbour {
	neighbours := []Neighbour{}
	for _, k := range neighbourKeys(hit, contextChunks) {
		if own := passages[k].Content.Own(); len(own) > 0 {
			neighbours = append(neighbours, Neighbour{Text: chunker.Render(passages[k].Content), Sender: own[0].Sender, Time: own[0].CreatedAt})
		}
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
		if p, ok := current[hit.Key]; !ok || chunker.Render(p.Content) != hit.Text || p.Title != hit.Title {
			changed[hit.Key] = true
		}
	}
	return changed, nil
}

// bestMessage returns the first part of the message that contains most of the query's terms;
// of the first such message on a tie. The passage must have a part of its own.
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
		first, matched := own[0], map[string]bool{}
		for len(own) > 0 && own[0].Position == first.Position {
			for _, t := range text.Terms(own[0].Text) {
				if wanted[t] {
					matched[t] = true
				}
			}
			own = own[1:]
		}
		if len(matched) > most {
			best, most = first, len(matched)
		}
	}
	return best
}
