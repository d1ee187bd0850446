package recall

import (
	"context"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/modelhttp"
	"github.com/lethe-chat/lethe/internal/parallel"
	"github.com/lethe-chat/lethe/internal/text"
)

const (
	// answerReserve is how long before the end of a request the model must have finished:
	// enough to check the passages again and to answer.
	answerReserve = 3 * time.Second

	minWrittenTokens = 48   // the model is not asked for a shorter text
	readingShare     = 4    // the model reads passages of this many times the budget,
	minReading       = 1500 // minimum number of tokens
	maxReading       = 6000 // maximum, which small models can read too
)

// writeAll lets the language model write the drafts, if there is one, several at a time. A draft
// stays quoted if the model fails.
func (r *Recaller) writeAll(ctx context.Context, q Query, drafts []*draft) error {
	if r.writer == nil {
		return nil
	}
	if deadline, ok := ctx.Deadline(); ok {
		earlier, cancel := context.WithDeadline(ctx, deadline.Add(-answerReserve))
		defer cancel()
		ctx = earlier
	}
	return parallel.Do(len(drafts), parallelQueries, func(i int) error {
		r.write(ctx, q, drafts[i])
		return nil
	})
}

func (r *Recaller) write(ctx context.Context, q Query, d *draft) {
	frame := frameFor(d.platform, writtenNotice)
	room := d.query.MaxTokens - text.Tokens(frame.render())
	if len(d.hits) == 0 || room < minWrittenTokens {
		return
	}
	reading := min(max(readingShare*d.query.MaxTokens, minReading), maxReading)
	shown := inReadingOrder(choose(d.hits, reading, reading, d.reader, withoutHeadings))
	answer, err := r.writer.Write(ctx, taskFor(q, d.query, shown, room))
	if err != nil {
		outcome := modelhttp.Outcome(err)
		r.digests.WithLabelValues(outcome).Inc()
		if !modelhttp.Resting(err) && !fault.Is(err, fault.Canceled) {
			r.log.Warn("a digest was quoted, not written", "outcome", outcome, "reason", fault.Message(err))
		}
		return
	}
	written, ok := frame.renderWritten(answer, shown, d.query.MaxTokens)
	if !ok {
		r.digests.WithLabelValues("uncited").Inc()
		r.log.Warn("a digest was quoted, not written", "outcome", "uncited", "reason", "the model's text cites none of its passages")
		return
	}
	d.cited, d.model = written, r.writer.Model()
}

// renderWritten returns the model's text in the frame, cut to the budget, with a list of the
// passages that it cites. It returns false when the text cites no passage.
func (f frame) renderWritten(answer string, shown []quote, budget int) (cited, bool) {
	for answer = strings.TrimSpace(answer); answer != ""; {
		renumbered, order := renumber(answer, len(shown))
		if len(order) == 0 {
			break
		}
		sources := make([]quote, len(order))
		headings := make([]string, len(order))
		for i, n := range order {
			sources[i] = shown[n-1]
			headings[i] = f.escape(sources[i].heading(i + 1))
		}
		content := f.render(f.quote(renumbered), "", strings.Join(headings, "\n"))
		over := text.Tokens(content) - budget
		if over <= 0 {
			return cited{content, sourcesOf(sources), hitsOf(shown)}, true
		}
		answer = withoutCutCitation(text.CutTokens(answer, text.Tokens(answer)-over-1))
	}
	return cited{}, false
}
