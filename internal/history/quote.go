package history

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/chunker"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/tokens"
)

// quote is a passage, or several that follow each other, on its way into a
// digest. What it says can no longer close the digest's frame.
type quote struct {
	hits        []Hit // in the order of the conversation
	title, text string
	terms       []string // of the first hit
	cut         bool     // its end is missing
}

func newQuote(hit Hit, escape func(string) string) quote {
	return quote{
		hits: []Hit{hit}, title: escape(hit.Title), text: escape(strings.TrimSpace(chunker.Body(hit.Text))),
		terms: rank.Analyze(hit.Text),
	}
}

// meets reports whether the other quote goes on where this one ends.
func (q quote) meets(next quote) bool {
	last, first := q.hits[len(q.hits)-1], next.hits[0]
	return !q.cut && last.ConversationID == first.ConversationID && last.key.Position+1 == first.key.Position
}

var day = regexp.MustCompile(`(?m)^\[\d{4}-\d\d-\d\d\]`)

// join makes one quote of two that meet. A passage begins with its day, with the
// question that it answers, and with who speaks: where the quote before has just
// said so, it is left out.
func (q quote) join(next quote) quote {
	last, first := q.hits[len(q.hits)-1], next.hits[0]
	text := next.text
	if question, answer, ok := strings.Cut(text, "\nAssistant: "); ok && strings.HasPrefix(question, "Human: ") && strings.Contains(q.text, question) {
		text = "Assistant: " + answer
	}
	if last.last == first.first { // in the middle of a message
		text = strings.TrimPrefix(strings.TrimPrefix(text, "Human: "), "Assistant: ")
	}
	days := day.FindAllString(last.Text, -1)
	if begins := day.FindString(first.Text); len(days) > 0 && begins != "" && strings.HasPrefix(first.Text, begins) && begins != days[len(days)-1] {
		text = begins + "\n" + text
	}
	return quote{
		hits: slices.Concat(q.hits, next.hits), title: q.title, text: q.text + "\n" + text,
		terms: q.terms, cut: next.cut,
	}
}

// best is the hit of a quote that matches best: what it is cited by.
func (q quote) best() Hit {
	return slices.MaxFunc(q.hits, func(a, b Hit) int { return cmp.Compare(a.Score, b.Score) })
}

// trim cuts the text so that its whole block has at most so many tokens. It
// reports false when too little would be left to be worth reading.
func (q *quote) trim(budget int) bool {
	over := q.cost() - budget
	if over <= 0 {
		return true
	}
	keep := tokens.Count(q.text) - over - 1
	if keep < minPassageTokens {
		return false
	}
	q.text, q.cut = tokens.Cut(q.text, keep)+"…", true
	return true
}

// heading is how a quote is introduced: its number, the day on which its best
// message was written, its title, and where it is from.
func (q quote) heading(number int) string {
	best := q.best()
	return fmt.Sprintf("[%d] %s · %q (%s)", number, best.Time.UTC().Format(time.DateOnly), q.title, best.platform)
}

// block is how a quote reads: the heading, and the words.
func (q quote) block(number int) string { return q.heading(number) + "\n" + q.text }

// cost is how many tokens a quote takes in a digest, line break included.
func (q quote) cost() int { return tokens.Count(q.block(99)) + 1 }

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
