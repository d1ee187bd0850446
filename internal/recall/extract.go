package recall

import (
	"github.com/lethe-chat/lethe/internal/search"
	"github.com/lethe-chat/lethe/internal/text"
)

const (
	leastOfBest      = 8   // tokens to which the best passage may be cut
	minPassageTokens = 48  // no other passage is cut shorter than this
	passageTokens    = 200 // most passages fit into this as they are, with their heading
	maxPassageShare  = 2   // a longer passage gets at most 1/2 of the budget, unless it is the only one
)

// extract builds a digest of quotes: the best passages that fit into the budget, without near-duplicates, in
// chronological order. The best passage is always among them, unless not even a few words of it fit.
func extract(hits []search.Hit, budget int, r reader) cited {
	frame := frameFor(r.platform, quotedNotice)
	chosen := choose(hits, budget-text.Tokens(frame.render()), budget, r, frame.quote)
	for ; len(chosen) > 0; chosen = chosen[:len(chosen)-1] { // the least relevant is last
		ordered := inReadingOrder(chosen)
		if content := frame.render(blocks(ordered)...); text.Tokens(content) <= budget { // the whole may have more tokens than its parts together
			return cited{content, sourcesOf(ordered), hitsOf(ordered)}
		}
	}
	return brief(hits, budget, r)
}

// brief builds a digest for a small budget: a part of the best passage, without its title and without the notice of the
// frame.
func brief(hits []search.Hit, budget int, r reader) cited {
	frame := frameFor(r.platform, quotedNotice).withoutNotice()
	for room := budget - text.Tokens(frame.render()); len(hits) > 0 && room > leastOfBest; room-- {
		q := newQuote(hits[0], r, frame.quote)
		q.brief = true
		if _, ok := q.fit(room, leastOfBest); !ok {
			break
		}
		if content := frame.render(q.block(1)); text.Tokens(content) <= budget {
			return cited{content, sourcesOf([]quote{q}), q.hits}
		}
	}
	return cited{sources: []Source{}}
}

// choose returns the passages that fit into room tokens, best first; none when the best does not fit. It leaves out
// passages that say nearly the same as a better one, and those of which too little would be left.
func choose(hits []search.Hit, room, budget int, r reader, escape func(string) string) []quote {
	most := max(budget/maxPassageShare, passageTokens)
	if len(hits) == 1 {
		most = room
	}
	var chosen []quote
	for _, hit := range hits {
		q := newQuote(hit, r, escape)
		if resembles(chosen, q) {
			continue
		}
		cost, ok := q.fit(min(room, most), minPassageTokens)
		switch {
		case ok:
			room -= cost
			chosen = append(chosen, q)
		case len(chosen) == 0:
			return nil
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
