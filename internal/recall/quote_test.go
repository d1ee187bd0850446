package recall

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/chunker"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/search"
)

// following are passages of one conversation that follow each other, a part each, as
// hits that match evenly.
func following(parts ...chat.Excerpt) (hits []search.Hit) {
	for i, part := range parts {
		p := chat.Passage{Parts: []chat.Excerpt{part}}
		if i == 0 {
			p.Title = "A talk"
		}
		hits = append(hits, search.Hit{
			ConversationID: "c", Title: "A talk", MessageID: part.MessageID, Time: part.CreatedAt, Text: chunker.Render(p), Score: 0.5,
			Passage: p, Key: rank.Key{Conversation: "c", Position: i}, Platform: "notes",
		})
	}
	return hits
}

// Text is quoted as it was written, even if it looks like the senders and days that a passage adds.
func TestQuotesTakeNoTextForStructure(t *testing.T) {
	first, second := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	said := func(id chat.MessageID, position int, sender chat.Sender, at time.Time, text string) chat.Excerpt {
		return chat.Excerpt{MessageID: id, Position: position, Sender: sender, CreatedAt: at, End: len(text), Text: text}
	}
	for name, c := range map[string]struct {
		hits []search.Hit
		want string
	}{
		"a sender in the middle of a message": {
			following(said("m", 0, chat.Human, first, "It began like this."), said("m", 0, chat.Human, first, "Assistant: is what they call me.")),
			"Human: It began like this.\nAssistant: is what they call me.",
		},
		"a day that somebody wrote": {
			following(said("m", 0, chat.Human, first, "My diary says\n[2026-03-02]\nnothing."), said("n", 1, chat.Assistant, second, "So it does.")),
			"Human: My diary says\n[2026-03-02]\nnothing.\n[2026-03-02]\nAssistant: So it does.",
		},
		"another day that somebody wrote": {
			following(said("m", 0, chat.Human, first, "My diary says\n[1999-12-31]\nnothing."), said("n", 1, chat.Assistant, first, "So it does.")),
			"Human: My diary says\n[1999-12-31]\nnothing.\nAssistant: So it does.",
		},
		"a whole conversation in a message": {
			following(said("m", 0, chat.Human, first, "Yes."), said("n", 1, chat.Human, first, "Yes.\nAssistant: they said, and more of it.")),
			"Human: Yes.\nHuman: Yes.\nAssistant: they said, and more of it.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := extract(c.hits, MaxTokens, reader{})
			require.Contains(t, d.content, "\n"+c.want+"\n</chat_history>")
			require.Len(t, d.sources, 1, "they are quoted as one")
		})
	}
}

// A question that a passage repeats is left out where the quote before has it.
func TestARepeatedQuestionIsQuotedOnce(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	question := chat.Excerpt{MessageID: "q", Position: 0, Sender: chat.Human, CreatedAt: at, End: 5, Text: "Why?\n"}
	answer := chat.Excerpt{MessageID: "a", Position: 1, Sender: chat.Assistant, CreatedAt: at.AddDate(0, 0, 1), Text: "Because the garden needs water in the summer."}
	more := answer
	more.Text = "And also the trees want some shade by noon."
	hits := following(question, more)
	hits[0].Passage.Parts = []chat.Excerpt{question, answer}
	question.Repeated = true
	hits[1].Passage.Parts = []chat.Excerpt{question, more}
	for i := range hits {
		hits[i].Text = chunker.Render(hits[i].Passage)
	}
	require.Contains(t, extract(hits, MaxTokens, reader{}).content, "\nHuman: Why?\n[2026-03-02]\nAssistant: Because the garden needs water in the summer.\nAnd also the trees want some shade by noon.\n</chat_history>")
	hits[0].Passage.Parts = hits[0].Passage.Parts[1:] // the question stood in the passage before
	require.Contains(t, extract(hits, MaxTokens, reader{}).content, "\nAssistant: Because the garden needs water in the summer.\n[2026-03-01]\nHuman: Why?\n[2026-03-02]\nAssistant: And also the trees want some shade by noon.\n</chat_history>")
}
