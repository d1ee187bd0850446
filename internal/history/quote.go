package history

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/chunker"
	"github.com/lethe-chat/lethe/internal/text"
)

// maxHeadingRunes is how much of a title stands over a quote. Many titles are the
// whole first message.
const maxHeadingRunes = 60

// quote is a passage, or several that follow each other, on its way into a
// digest. What it says can no longer close the digest's frame.
type quote struct {
	hits        []Hit // in the order of the conversation
	title, text string
	terms       []string // of the first hit
	repeats     string   // how the text begins when it repeats a question
	matches     int      // where in the text the message begins that matches best
	late, cut   bool     // its beginning, or its end, is missing
}

func newQuote(hit Hit, escape func(string) string) quote {
	parts := hit.passage.Parts
	q := quote{
		hits: []Hit{hit}, title: escape(hit.Title), text: escape(strings.TrimSpace(chunker.Body(parts))), terms: text.Terms(hit.Text),
	}
	if len(parts) > 0 && parts[0].Repeated {
		q.repeats = escape(strings.TrimSpace(chunker.Body(parts[:1])))
	}
	if best := slices.IndexFunc(parts, func(part chat.Excerpt) bool { return !part.Repeated && part.MessageID == hit.MessageID }); best > 0 {
		q.matches = len(escape(strings.TrimSpace(chunker.Body(parts[:best])))) + len("\n")
		if day := chunker.Day(parts[best]); day != "" && day != chunker.Day(parts[best-1]) {
			q.matches += len(day + "\n")
		}
	}
	return q
}

// meets reports whether the other quote goes on where this one ends.
func (q quote) meets(next quote) bool {
	last, first := q.hits[len(q.hits)-1], next.hits[0]
	return last.ConversationID == first.ConversationID && last.key.Position+1 == first.key.Position
}

// join makes one quote of two that meet. A passage begins with its day, with the
// question that it answers, and with who speaks: where the quote before has just
// said so, it is left out.
func (q quote) join(next quote) quote {
	before, parts := q.hits[len(q.hits)-1].passage.Own(), next.hits[0].passage.Parts
	last, said := before[len(before)-1], next.text
	if answer, ok := strings.CutPrefix(said, next.repeats+"\n"); ok && next.repeats != "" && len(parts) > 1 && strings.Contains(q.text, next.repeats) {
		question := parts[0]
		parts = parts[1:]
		if day := chunker.Day(parts[0]); day != chunker.Day(question) {
			answer = strings.TrimPrefix(answer, day+"\n")
		}
		said = answer
	}
	first := parts[0]
	switch day := chunker.Day(first); {
	case last.Position == first.Position && !q.cut && !next.late: // in the middle of a message
		said = strings.TrimPrefix(said, chunker.Label(first.Sender))
	case day != "" && day != chunker.Day(last):
		said = day + "\n" + said
	}
	return quote{
		hits: slices.Concat(q.hits, next.hits), title: q.title, text: q.text + "\n" + said,
		terms: q.terms, repeats: q.repeats, late: q.late, cut: next.cut,
	}
}

// best is the hit of a quote that matches best: what it is cited by.
func (q quote) best() Hit {
	return slices.MaxFunc(q.hits, func(a, b Hit) int { return cmp.Compare(a.Score, b.Score) })
}

// fit cuts the text so that the whole block has at most so many tokens, and
// returns how many it has. What is kept has the message that matches best. It
// reports false when too little would be left to be worth reading.
func (q *quote) fit(budget int) (cost int, ok bool) {
	cost = q.cost()
	if cost <= budget {
		return cost, true
	}
	whole := text.Tokens(q.text)
	keep := whole - (cost - budget) - 2 // for the dots
	if keep < minPassageTokens {
		return 0, false
	}
	kept := text.CutTokens(q.text, keep)
	if at := q.bestLine(); at > len(kept)*3/4 {
		q.text, q.late = "…\n"+q.text[at:], true
		if text.Tokens(q.text) <= keep {
			return q.cost(), true
		}
		kept = text.CutTokens(q.text, keep)
	}
	q.text, q.cut = kept+"…", true
	return q.cost(), true
}

// bestLine is where the line begins in the text in which the message that matches best
// does.
func (q *quote) bestLine() int {
	return strings.LastIndexByte(q.text[:min(q.matches, len(q.text))], '\n') + 1
}

// heading is how a quote is introduced: its number, the day on which its best
// message was written, its title, and where it is from.
func (q quote) heading(number int) string {
	best, title := q.best(), beginning(q.title, maxHeadingRunes)
	if title != oneLine(q.title) {
		title += "…"
	}
	return fmt.Sprintf("[%d] %s · %q (%s)", number, best.Time.UTC().Format(time.DateOnly), title, best.platform)
}

// block is how a quote reads: the heading, and the words.
func (q quote) block(number int) string { return q.heading(number) + "\n" + q.text }

// cost is how many tokens a quote takes in a digest, line break included.
func (q quote) cost() int { return text.Tokens(q.block(99)) + 1 }

// inReadingOrder returns the quotes in the order in which they were said, those
// of a conversation together, and those that follow each other as one.
func inReadingOrder(quotes []quote) []quote {
	began := map[string]time.Time{}
	for _, q := range quotes {
		hit := q.hits[0]
		if t, ok := began[hit.ConversationID]; !ok || hit.Time.Before(t) {
			began[hit.ConversationID] = hit.Time
		}
	}
	sorted := slices.SortedStableFunc(slices.Values(quotes), func(a, b quote) int {
		x, y := a.hits[0], b.hits[0]
		return cmp.Or(began[x.ConversationID].Compare(began[y.ConversationID]), x.key.Compare(y.key))
	})
	var ordered []quote
	for _, q := range sorted {
		if n := len(ordered); n > 0 && ordered[n-1].meets(q) {
			ordered[n-1] = ordered[n-1].join(q)
			continue
		}
		ordered = append(ordered, q)
	}
	return ordered
}
