package history

import (
	"github.com/lethe-chat/lethe/internal/text"
)

// digest is a text with what it rests on.
type digest struct {
	content string
	sources []Source // in the order of the numbers that content cites them by
	used    []Hit    // all that whoever wrote it has seen of the history
}

const (
	minPassageTokens = 24  // a passage is not cut shorter than this
	passageTokens    = 200 // most passages fit into this whole, heading included
	maxPassageShare  = 2   // a longer one takes at most 1/2 of the budget, unless it is alone
)

// extract packs the best passages into the budget, drops near-duplicates, and
// puts what is chosen in an order in which it reads.
func extract(hits []Hit, budget int, platform string) digest {
	frame := frameFor(platform, quotedNotice)
	chosen := choose(hits, budget-text.Tokens(frame.render()), budget, frame.escape)
	for ; len(chosen) > 0; chosen = chosen[:len(chosen)-1] { // the least relevant last
		ordered := inReadingOrder(chosen)
		content := frame.render(blocks(ordered)...)
		if text.Tokens(content) <= budget { // counts of parts do not always add up
			return digest{content, sourcesOf(ordered), hitsOf(ordered)}
		}
	}
	return digest{sources: []Source{}}
}

// choose picks passages, the best first, that fit into so many tokens. One that
// says nearly the same as a chosen one is left out. A low score is no reason to
// leave one out: scores are scaled so that the last of a few has none, however well
// it matches.
func choose(hits []Hit, left, budget int, escape func(string) string) []quote {
	most := max(budget/maxPassageShare, passageTokens)
	if len(hits) == 1 {
		most = left
	}
	var chosen []quote
	for _, hit := range hits {
		if left < minPassageTokens {
			break
		}
		q := newQuote(hit, escape)
		if resembles(chosen, q) {
			continue
		}
		if cost, ok := q.fit(min(left, most)); ok {
			left -= cost
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

func hitsOf(quotes []quote) (hits []Hit) {
	for _, q := range quotes {
		hits = append(hits, q.hits...)
	}
	return hits
}
