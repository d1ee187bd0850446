package recall

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/chunker"
	"github.com/lethe-chat/lethe/internal/search"
	"github.com/lethe-chat/lethe/internal/text"
)

// maxHeadingRunes is how much of a title is shown above a quote. Many titles are the whole first message.
const maxHeadingRunes = 60

// quote is one passage, or several consecutive ones, for a digest. Its title and text are
// escaped, so that they cannot close the frame of the digest.
type quote struct {
	hits        []search.Hit // in the order of the conversation
	title, text string
	terms       []string       // of the first hit
	parts       []chat.Excerpt // of the first hit, with the days of the reader
	lastParts   []chat.Excerpt // of the last hit
	reader      reader
	repeated    string // the question that the text begins with, if the passage before has it too
	bestAt      int    // where in the text the best matching message begins, in bytes
	cutStart    bool   // the beginning of the text was cut off
	cutEnd      bool   // the end of the text was cut off
	brief       bool   // the heading has no title
}

// reader is for whom a digest is written.
type reader struct {
	platform string
	zone     *time.Location // of the days in the digest; nil for UTC
	terms    []string       // of the query; a long message is cut around them
}

// local returns a time whose date in UTC is the reader's.
func (r reader) local(t time.Time) time.Time {
	if r.zone == nil || t.IsZero() {
		return t
	}
	_, offset := t.In(r.zone).Zone()
	return t.Add(time.Duration(offset) * time.Second)
}

func newQuote(hit search.Hit, r reader, escape func(string) string) quote {
	parts := slices.Clone(hit.Passage.Parts)
	for i := range parts {
		parts[i].CreatedAt = r.local(parts[i].CreatedAt)
	}
	q := quote{
		hits: []search.Hit{hit}, title: escape(hit.Title), text: escape(strings.TrimSpace(chunker.Body(parts))), terms: text.Terms(hit.Block()),
		parts: parts, lastParts: parts, reader: r,
	}
	if len(parts) > 0 && parts[0].Repeated {
		q.repeated = escape(strings.TrimSpace(chunker.Body(parts[:1])))
	}
	if best := slices.IndexFunc(parts, func(part chat.Excerpt) bool { return !part.Repeated && part.MessageID == hit.MessageID }); best > 0 {
		q.bestAt = len(escape(strings.TrimSpace(chunker.Body(parts[:best])))) + len("\n")
		if day := chunker.Day(parts[best]); day != "" && day != chunker.Day(parts[best-1]) {
			q.bestAt += len(day + "\n")
		}
	}
	return q
}

// isFollowedBy reports whether the next quote begins in the passage after the last one of this
// quote.
func (q quote) isFollowedBy(next quote) bool {
	last, first := q.hits[len(q.hits)-1], next.hits[0]
	return last.ConversationID == first.ConversationID && last.Key.Position+1 == first.Key.Position
}

// join joins two consecutive quotes. A passage begins with the question that it answers, and with its sender. Both
// are left out if the quote before contains them.
func (q quote) join(next quote) quote {
	before, parts := chat.Passage{Parts: q.lastParts}.Own(), next.parts
	last, added := before[len(before)-1], next.text
	if answer, ok := strings.CutPrefix(added, next.repeated+"\n"); ok && next.repeated != "" && len(parts) > 1 && strings.Contains(q.text, next.repeated) {
		question := parts[0]
		parts = parts[1:]
		if day := chunker.Day(parts[0]); day != chunker.Day(question) {
			answer = strings.TrimPrefix(answer, day+"\n")
		}
		added = answer
	}
	first := parts[0]
	switch day := chunker.Day(first); {
	case last.Position == first.Position && !q.cutEnd && !next.cutStart: // two parts of one message
		added = strings.TrimPrefix(added, chunker.Label(first.Sender))
	case day != "" && day != chunker.Day(last):
		added = day + "\n" + added
	}
	return quote{
		hits: slices.Concat(q.hits, next.hits), title: q.title, text: q.text + "\n" + added,
		terms: q.terms, parts: q.parts, lastParts: next.lastParts, reader: q.reader,
		repeated: q.repeated, cutStart: q.cutStart, cutEnd: next.cutEnd,
	}
}

// best returns the hit with the highest score. The quote is cited by it.
func (q quote) best() search.Hit {
	return slices.MaxFunc(q.hits, func(a, b search.Hit) int { return cmp.Compare(a.Score, b.Score) })
}

// fit cuts the text so that the block has at most budget tokens, and returns its number of tokens. It keeps the
// message that matches best and as much around it as fits. It returns false when fewer than least tokens of the text
// would be left.
func (q *quote) fit(budget, least int) (cost int, ok bool) {
	cost = q.cost()
	if cost <= budget {
		return cost, true
	}
	keep := text.Tokens(q.text) - (cost - budget) - 4 // for the dots
	if keep < least {
		return 0, false
	}
	q.cut(keep)
	cost = q.cost()
	return cost, cost <= budget
}

// cut keeps at most the given number of tokens: the best line, and the lines around it, those after it first.
func (q *quote) cut(tokens int) {
	lines := strings.SplitAfter(q.text, "\n")
	best := strings.Count(q.text[:q.bestLine()], "\n")
	room := tokens - text.Tokens(lines[best])
	if room < 0 {
		q.text, q.cutStart, q.cutEnd = q.aroundMatch(strings.TrimSpace(lines[best]), tokens), true, true
		return
	}
	from, to := best, best+1
	for grown := true; grown; {
		grown = false
		if to < len(lines) && text.Tokens(lines[to]) < room {
			room -= text.Tokens(lines[to]) + 1
			to, grown = to+1, true
		}
		if from > 0 && text.Tokens(lines[from-1]) < room {
			room -= text.Tokens(lines[from-1]) + 1
			from, grown = from-1, true
		}
	}
	kept := strings.TrimSpace(strings.Join(lines[from:to], ""))
	if q.cutStart = from > 0; q.cutStart {
		kept = "…\n" + kept
	}
	if q.cutEnd = to < len(lines); q.cutEnd {
		kept += "…"
	}
	q.text = kept
}

// beforeMatch is the share of a cut message that is left before its first match.
const beforeMatch = 4

// aroundMatch returns a part of a line of at most the given number of tokens, with the first words of the query in it.
func (q *quote) aroundMatch(line string, tokens int) string {
	kept := text.CutTokens(line, tokens)
	found := text.Spans(line, q.reader.terms)
	if len(found) == 0 {
		return kept + "…"
	}
	runes := []rune(line)
	if found[0].End <= len([]rune(kept)) {
		return kept + "…"
	}
	start := max(found[0].Start-len([]rune(kept))/beforeMatch, 0)
	for start < found[0].Start && !unicode.IsSpace(runes[start]) {
		start++
	}
	rest := strings.TrimSpace(string(runes[start:]))
	if part := text.CutTokens(rest, tokens); part != rest {
		return "…" + part + "…"
	}
	return "…" + rest
}

// bestLine returns where the line begins in which the best matching message begins.
func (q *quote) bestLine() int {
	return strings.LastIndexByte(q.text[:min(q.bestAt, len(q.text))], '\n') + 1
}

// heading returns the line above a quote: its number, the day of its best matching message, its
// title and its platform.
func (q quote) heading(number int) string {
	if q.brief {
		return fmt.Sprintf("[%d] %s · %s", number, q.day(), q.best().Platform)
	}
	best, title := q.best(), beginning(q.title, maxHeadingRunes)
	if title != oneLine(q.title) {
		title += "…"
	}
	return fmt.Sprintf("[%d] %s · %q (%s)", number, q.day(), title, best.Platform)
}

// day returns the day of the best matching message, where the reader is.
func (q quote) day() string { return q.reader.local(q.best().Time).UTC().Format(time.DateOnly) }

// block returns the quote as it is written in a digest: the heading and the text.
func (q quote) block(number int) string { return q.heading(number) + "\n" + q.text }

// cost returns how many tokens a quote takes in a digest, with the line break after it.
func (q quote) cost() int { return text.Tokens(q.block(99)) + 1 }

// inReadingOrder sorts quotes by time, keeps those of one conversation together and joins
// consecutive ones.
func inReadingOrder(quotes []quote) []quote {
	began := map[chat.ConversationID]time.Time{}
	for _, q := range quotes {
		hit := q.hits[0]
		if t, ok := began[hit.ConversationID]; !ok || hit.Time.Before(t) {
			began[hit.ConversationID] = hit.Time
		}
	}
	sorted := slices.SortedStableFunc(slices.Values(quotes), func(a, b quote) int {
		x, y := a.hits[0], b.hits[0]
		return cmp.Or(began[x.ConversationID].Compare(began[y.ConversationID]), x.Key.Compare(y.Key))
	})
	var ordered []quote
	for _, q := range sorted {
		if n := len(ordered); n > 0 && ordered[n-1].isFollowedBy(q) {
			ordered[n-1] = ordered[n-1].join(q)
			continue
		}
		ordered = append(ordered, q)
	}
	return ordered
}
