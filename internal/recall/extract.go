package recall

import (
	"github.com/lethe-chat/lethe/internal/search"
	"github.com/lethe-chat/lethe/internal/text"
)

const (
	minPassageTokens = 24  // a passage is not cut shorter than this
	passageTokens    = 200 // most passages fit into this as they are, with their heading
	maxPassageShare  = 2   // a longer passage gets at most 1/2 of the budget, unless it is the only one
)

// extract builds a digest of quotes: the best passages that fit into the budget, without near-duplicates, in
// chronological order.
func extract(hits []search.Hit, budget int, platform string) cited {
	frame := frameFor(platform, quotedNotice)
	chosen := choose(hits, budget-text.Tokens(frame.render()), budget, frame.quote)
	for ; len(chosen) > 0; chosen = chosen[:len(chosen)-1] { // the least relevant is last
		ordered := inReadingOrder(chosen)
		content := frame.render(blocks(ordered)...)
		if text.Tokens(content) <= budget { // the whole may have more tokens than its parts together
			return cited{content, sourcesOf(ordered), hitsOf(ordered)}
		}
	}
	return cited{sources: []Source{}}
}

// choose returns the passages that fit into room tokens, best first. It leaves out passages that say nearly the same
// as a better one. It does not leave out passages with a low score: scores are scaled so that the last hit has 0 even
// if it matches well.
func choose(hits []search.Hit, room, budget int, escape func(string) string) []quote {
	most := max(budget/maxPassageShare, passageTokens)
	if len(hits) == 1 {
		most = room
	}
	var chosen []quote
	for _, hit := range hits {
		if room < minPassageTokens {
			break
		}
		q := newQuote(hit, escape)
		if resembles(chosen, q) {
			continue
		}
		if cost, ok := q.fit(min(room, most)); ok {
			room -= cost
			chosen = append(chosen, q)
		}
	}
	return chosen
}

func resembles(chosen []quote, q quote) bool {
	for _, other := range chosen {
		if text.NearDuplicate(other.terms, q.terms) {
			return true
		}
	}
	return false
}

// blocks returns the quotes as they are written in a digest, numbered from 1.
func blocks(quotes []quote) []string {
	list := make([]string, len(quotes))
	for i, q := range quotes {
		list[i] = q.block(i + 1)
	}
	return list
}

func sourcesOf(quotes []quote) []Source {
	sources := make([]Source, len(quotes))
	for i, q := range quotes {
		best := q.best()
		sources[i] = Source{
			ConversationID: best.ConversationID, Title: best.Title, MessageID: best.MessageID, Date: best.Time, Score: best.Score,
		}
	}
	return sources
}

func hitsOf(quotes []quote) (hits []search.Hit) {
	for _, q := range quotes {
		hits = append(hits, q.hits...)
	}
	return hits
}
