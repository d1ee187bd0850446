package history

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

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
	said        string   // how the message that matches best begins
	late, cut   bool     // its beginning, or its end, is missing
}

func newQuote(hit Hit, escape func(string) string) quote {
	return quote{
		hits: []Hit{hit}, title: escape(hit.Title), text: escape(strings.TrimSpace(chunker.Body(hit.Text))),
		terms: text.Terms(hit.Text), said: escape(hit.said),
	}
}

// meets reports whether the other quote goes on where this one ends.
func (q quote) meets(next quote) bool {
	last, first := q.hits[len(q.hits)-1], next.hits[0]
	return last.ConversationID == first.ConversationID && last.key.Position+1 == first.key.Position
}

var day = regexp.MustCompile(`(?m)^\[\d{4}-\d\d-\d\d\]`)

// join makes one quote of two that meet. A passage begins with its day, with the
// question that it answers, and with who speaks: where the quote before has just
// said so, it is left out.
func (q quote) join(next quote) quote {
	last, first := q.hits[len(q.hits)-1], next.hits[0]
	text, days := next.text, day.FindAllString(firstLine(first.Text), 1)
	if question, answer, ok := strings.Cut(text, "\nAssistant: "); ok && strings.HasPrefix(question, "Human: ") && strings.Contains(q.text, question) {
		text, days = "Assistant: "+answer, append(days, day.FindAllString(question, -1)...)
	}
	said := day.FindAllString(last.Text, -1)
	switch {
	case last.last == first.first && !q.cut && !next.late: // in the middle of a message
		text = strings.TrimPrefix(strings.TrimPrefix(text, "Human: "), "Assistant: ")
	case len(days) > 0 && (len(said) == 0 || said[len(said)-1] != days[len(days)-1]):
		text = days[len(days)-1] + "\n" + text
	}
	return quote{
		hits: slices.Concat(q.hits, next.hits), title: q.title, text: q.text + "\n" + text,
		terms: q.terms, late: q.late, cut: next.cut,
	}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
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

// bestLine is where the message that matches best begins in the text; 0 when it
// cannot be told.
func (q *quote) bestLine() int {
	at := strings.Index(q.text, q.said)
	if q.said == "" || at < 0 {
		return 0
	}
	return strings.LastIndexByte(q.text[:at], '\n') + 1
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
