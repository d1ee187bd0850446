package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/chunker"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/internal/text"
)

// quoting returns a passage that quotes whole messages.
func quoting(title string, turns ...chat.Message) chat.Passage {
	p := chat.Passage{Title: title}
	for _, m := range turns {
		p.Parts = append(p.Parts, chat.Excerpt{
			MessageID: m.ID, Position: m.Position, Sender: m.Sender, CreatedAt: m.CreatedAt, End: len(m.Text), Text: m.Text,
		})
	}
	return p
}

// cut returns a conversation as a worker would index it.
func cut(c chat.Transcript) (x store.Indexed) {
	x.Model, x.Tokens = testModel, 7
	for _, chunk := range chunker.Split(c.Title, c.Turns) {
		x.Chunks = append(x.Chunks, store.IndexedChunk{
			Position: chunk.Position, First: chunk.First, Last: chunk.Last, Content: chunk.Passage, Text: chunk.Text,
			Terms: text.Terms(chunk.Text), Vector: []float32{1, 0, 0},
		})
	}
	return x
}

// indexWhole indexes the one queued conversation.
func indexWhole(t *testing.T, s *store.Store, ws chat.WorkspaceID) chat.Transcript {
	t.Helper()
	claim := claimOne(t, s)
	c, err := s.View(ctx).Transcript(ws, claim.Conversation)
	require.NoError(t, err)
	require.NoError(t, finishAs(s, claim, cut(c)))
	return c
}

// A passage is read as it was cut, for all kinds of messages, and its text is what was
// indexed.
func TestPassagesArePutTogetherFromTheirMessages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		picture := "data:image/png;base64," + strings.Repeat("QUJD", 20_000)
		added(t, s, ws, "x",
			"Wo ist der Schlüssel? 鍵はどこですか 👩‍👩‍👧", strings.Repeat("Er liegt unter dem Blumentopf, glaube ich. 植木鉢の下です。 ", 60),
			"see "+picture+" and "+strings.Repeat("what is behind it, too. ", 40), "ok", "  \n ", strings.Repeat("long and even longer. ", 20_000))
		c := indexWhole(t, s, ws)
		want := cut(c).Chunks
		require.Greater(t, len(want), 300)
		var keys []rank.Key
		for _, chunk := range want {
			keys = append(keys, rank.Key{Conversation: c.ID, Position: chunk.Position})
		}
		passages, err := s.View(ctx).Passages(ws, keys)
		require.NoError(t, err)
		require.Len(t, passages, len(want))
		for _, p := range passages {
			require.Equal(t, want[p.Position].Content, p.Content)
		}
		for i, chunk := range stored(t, s, ws, c.ID) {
			require.True(t, chunk.Is(want[i]))
			other := want[i]
			other.Text += "."
			require.False(t, chunk.Is(other))
			other = want[i]
			other.Content.Parts = slices.Clone(other.Content.Parts)
			other.Content.Parts[0].Start++
			require.False(t, chunk.Is(other))
		}
	})
}

// A passage of an older version has no parts. It shows the beginnings of its messages, up to the length of a passage,
// and nothing that search does not find.
func TestAPassageWhosePartsAreNotKnown(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		u := upload("x", "eins", "hidden from everybody", "ä"+strings.Repeat("öü", 5000), "after")
		u.Messages[1].Hidden = true
		c := create(t, s, ws, u)
		x := indexed(passage(0, nil, "one"), passage(1, nil, "two"))
		x.Chunks[0].Last, x.Chunks[1].First, x.Chunks[1].Last = 3, 3, 99
		require.NoError(t, finishAs(s, claimOne(t, s), x))
		passages, err := s.View(ctx).StoredPassages(ws, c.ID, c.Title, stored(t, s, ws, c.ID))
		require.NoError(t, err)
		long := c.Turns[2]
		long.Text = string([]rune(long.Text)[:1500-len("eins")])
		require.Equal(t, []chat.Passage{quoting(c.Title, c.Turns[0], long), quoting("", c.Turns[3])}, passages)
	})
}

// After any re-send, and before anything is indexed again, every remaining passage shows
// the text that it was indexed with, and the database is consistent.
func TestPassagesShowWhatTheyWereIndexedBy(t *testing.T) {
	rng := rand.New(rand.NewPCG(storetest.FixedSeed, 7)) //nolint:gosec // the same in every run
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		kept, moved := 0, 0
		for round := range 25 {
			var texts []string
			for i := range 4 + rng.IntN(12) {
				texts = append(texts, fmt.Sprintf("%d of %d: %s", i, round, strings.Repeat("and so it went on. ", rng.IntN(60))))
			}
			u := upload(fmt.Sprint(round), texts...)
			for i := range u.Messages {
				u.Messages[i].ExternalID = fmt.Sprint("m", i)
			}
			create(t, s, ws, u)
			c := indexWhole(t, s, ws)
			for range 3 {
				u.Messages = rewritten(rng, u.Messages)
				_, m := merge(t, s, ws, u)
				moved += len(m.Moves)
				for _, p := range passagesOf(t, s, ws, c.ID) {
					require.Equal(t, p.chunk.Sum, store.TextSum(chunker.Render(p.content)), "passage %d shows:\n%s", p.chunk.Position, chunker.Render(p.content))
					require.Equal(t, chat.Span{From: p.chunk.First, To: p.chunk.Last}, p.content.Span())
					kept++
				}
				require.Empty(t, db.Damage(t))
			}
			remove(t, s, ws, c.ID)
		}
		require.Greater(t, kept, 50)
		require.Greater(t, moved, 20)
	})
}

// rewritten returns what a client sends after an edit: messages changed, and added in the
// middle and at the end.
func rewritten(rng *rand.Rand, before []chat.UploadMessage) (after []chat.UploadMessage) {
	for _, m := range before {
		switch rng.IntN(8) {
		case 0:
			m.Text = "corrected: " + m.Text
		case 1:
			n := rng.Uint32()
			after = append(after, chat.UploadMessage{ExternalID: fmt.Sprint("n", n), Role: m.Role, Text: fmt.Sprint("put between, ", n)})
		}
		after = append(after, m)
	}
	return append(after, chat.UploadMessage{ExternalID: fmt.Sprint("e", rng.Uint32()), Role: "human", Text: "and at the end"})
}

type shownPassage struct {
	chunk   store.StoredChunk
	content chat.Passage
}

// passagesOf returns the stored passages of a conversation.
func passagesOf(t *testing.T, s *store.Store, ws chat.WorkspaceID, id chat.ConversationID) (all []shownPassage) {
	t.Helper()
	chunks := stored(t, s, ws, id)
	contents, err := s.View(ctx).StoredPassages(ws, id, state(t, s, ws, id).Title, chunks)
	require.NoError(t, err)
	for i, c := range chunks {
		all = append(all, shownPassage{c, contents[i]})
	}
	return all
}

func TestPartsAreWrittenAndRead(t *testing.T) {
	rng := rand.New(rand.NewPCG(storetest.FixedSeed, 8)) //nolint:gosec // the same in every run
	for range 500 {
		first := rng.IntN(10_000)
		p := chat.Passage{Title: []string{"", "title"}[rng.IntN(2)]}
		if rng.IntN(2) == 0 {
			p.Parts = append(p.Parts, chat.Excerpt{Position: first - 1 - rng.IntN(3), End: rng.IntN(300), Repeated: true})
		}
		for at := first; len(p.Parts) < 1+rng.IntN(6); at += rng.IntN(3) {
			start := rng.IntN(1 << 24)
			p.Parts = append(p.Parts, chat.Excerpt{Position: at, Start: start, End: start + rng.IntN(6000)})
		}
		raw := store.EncodeParts(first, p)
		parts, titled := store.DecodeParts(first, raw)
		require.Equal(t, p.Parts, parts)
		require.Equal(t, p.Title != "", titled)
		moved, _ := store.DecodeParts(first+7, raw)
		require.Equal(t, p.Parts[0].Position+7, moved[0].Position, "they move with the first message")
		require.NotPanics(t, func() { store.DecodeParts(first, raw[:rng.IntN(len(raw))]) })
	}
	require.Equal(t, []byte{}, store.EncodeParts(3, chat.Passage{Title: "title"}))
	parts, _ := store.DecodeParts(0, nil)
	require.Empty(t, parts)
}
