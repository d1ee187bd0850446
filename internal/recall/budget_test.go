package recall

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/search"
	"github.com/lethe-chat/lethe/internal/text"
)

// talk is a passage of several messages, of which the one with this index matches best.
func talk(n, best int, texts ...string) search.Hit {
	h := hit(n, fmt.Sprint("Talk ", n), texts[0])
	h.Passage.Parts = nil
	for i, said := range texts {
		h.Passage.Parts = append(h.Passage.Parts, chat.Excerpt{
			MessageID: chat.MessageID(fmt.Sprint("m", n, "-", i)), Position: i, Sender: chat.Human, CreatedAt: h.Time, End: len(said), Text: said,
		})
	}
	h.MessageID = h.Passage.Parts[best].MessageID
	return h
}

// A small budget gives a part of the best passage, around the words of the query, and never another passage instead.
func TestASmallBudgetQuotesTheBestPassage(t *testing.T) {
	long := strings.Repeat("The weather was fine on the coast and we walked a lot. ", 20)
	hits := []search.Hit{
		talk(0, 1, "Hello there, how are you today?", long+"The spare key of the caravan hangs behind the barn door. "+long, "Good night!"),
		hit(1, "Other", "A short note about trees."),
	}
	r := reader{terms: text.Terms("spare key caravan")}
	for budget := 48; budget <= 300; budget += 3 {
		d := extract(hits, budget, r)
		require.LessOrEqual(t, text.Tokens(d.content), budget)
		require.NotEmpty(t, d.sources, "%d tokens", budget)
		require.Contains(t, d.content, "spare key", "%d tokens:\n%s", budget, d.content)
		found := false
		for _, s := range d.sources {
			found = found || s.ConversationID == hits[0].ConversationID
		}
		require.True(t, found, "%d tokens", budget)
	}
	require.Empty(t, extract(hits, 5, r).content, "nothing fits")
}

// The rest of a budget is not used for the beginning of a passage that says nothing.
func TestTheRestOfABudgetIsNoGreeting(t *testing.T) {
	words := func(about string, n int) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprint(about, i))
		}
		return strings.Join(list, " ")
	}
	hits := []search.Hit{
		talk(0, 0, "The caravan stands behind the barn. "+words("barn", 40)),
		talk(1, 1, "Hi! Nice to see you again, how have you been all this time?", "The caravan has a new door. "+words("door", 60)),
	}
	for budget := 60; budget <= 500; budget++ {
		d := extract(hits, budget, reader{terms: text.Terms("caravan")})
		if strings.Contains(d.content, "Hi! Nice") {
			require.Contains(t, d.content, "The caravan has a new door.", "%d tokens:\n%s", budget, d.content)
		}
		for _, line := range strings.Split(d.content, "\n") {
			require.NotContains(t, line, "Hi!…")
		}
	}
}

// The days of a digest are those of the reader.
func TestTheDaysOfADigestAreTheReaders(t *testing.T) {
	zone := time.FixedZone("", -2*3600)
	evening, night := time.Date(2026, 5, 31, 23, 30, 0, 0, zone).UTC(), time.Date(2026, 6, 1, 0, 30, 0, 0, zone).UTC()
	h := talk(0, 0, "The caravan is packed.", "We leave in an hour.")
	h.Time, h.Passage.Parts[0].CreatedAt, h.Passage.Parts[1].CreatedAt = evening, evening, night
	before := h.Block()
	d := extract([]search.Hit{h}, DefaultTokens, reader{zone: zone})
	require.Contains(t, d.content, "[1] 2026-05-31 · ")
	require.Contains(t, d.content, "packed.\n[2026-06-01]\nHuman: We leave")
	require.Equal(t, evening, d.sources[0].Date, "a source has the time itself")
	require.Equal(t, before, d.used[0].Block(), "the passage is compared with what is stored")
	require.Contains(t, extract([]search.Hit{h}, DefaultTokens, reader{}).content, "[1] 2026-06-01 · ")
}
