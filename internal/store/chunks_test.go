package store_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

func stored(t testing.TB, s *store.Store, ws chat.WorkspaceID, id chat.ConversationID) []store.StoredChunk {
	t.Helper()
	chunks, err := s.View(ctx).StoredChunks(ws, id, 0, 1<<30)
	require.NoError(t, err)
	return chunks
}

// again queues a conversation again and claims it.
func again(t testing.TB, s *store.Store, ws chat.WorkspaceID, id chat.ConversationID) store.Claim {
	t.Helper()
	inTx(t, s, func(tx *store.Tx) error {
		c, err := tx.Transcript(ws, id)
		if err != nil {
			return err
		}
		n := len(c.Turns) // the last message is written again, unchanged
		m := chat.Merged{Title: c.Title, Messages: c.Turns, RewriteFrom: n - 1, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt}
		_, err = tx.UpdateConversation(ws, c.Conversation, m, c.ImportID)
		return err
	})
	return claimOne(t, s)
}

func TestFinishingReplacesAndKeeps(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		id := added(t, s, ws, "x", "one", "two").ID
		east, north := []float32{1, 0, 0}, []float32{0, 1, 0}

		require.NoError(t, finishAs(s, claimOne(t, s), store.Indexed{Model: testModel, Tokens: 100, Chunks: []store.IndexedChunk{
			{Position: 0, First: 0, Last: 1, Text: "Alpha, alpha", Terms: []string{"alpha", "alpha"}, Vector: east},
			{Position: 1, First: 1, Last: 1, Text: "no vector", Terms: []string{"beta"}, Unreadable: true},
			{Position: 2, First: 1, Last: 1, Text: "old tail", Terms: []string{"gamma", "delta", "gamma"}, Vector: north},
		}}))
		want := []store.StoredChunk{
			{Position: 0, First: 0, Last: 1, Sum: store.TextSum("Alpha, alpha"), TermCount: 2, Model: "test", Vector: east},
			{Position: 1, First: 1, Last: 1, Sum: store.TextSum("no vector"), TermCount: 1, Model: "test"},
			{Position: 2, First: 1, Last: 1, Sum: store.TextSum("old tail"), TermCount: 3, Model: "test", Vector: north},
		}
		require.Equal(t, want, stored(t, s, ws, id))
		c := state(t, s, ws, id)
		require.Equal(t, []any{chat.Ready, 3, 100, ""}, []any{c.IndexState, c.Chunks, c.Tokens, c.IndexError})
		requireSound(t, db)

		// Keep the first two, replace the third, add a fourth.
		require.NoError(t, finishAs(s, again(t, s, ws, id), store.Indexed{Model: testModel, Tokens: 130, Kept: []store.KeptChunk{{Terms: 2, Vector: east}, {Terms: 1, Unreadable: true}}, Chunks: []store.IndexedChunk{
			{Position: 2, First: 1, Last: 2, Text: "new tail", Terms: []string{"epsilon"}, Vector: east},
			{Position: 3, First: 2, Last: 2, Text: "more", Terms: []string{"zeta", "zeta"}, Vector: north},
		}}))
		require.Equal(t, append(want[:2:2],
			store.StoredChunk{Position: 2, First: 1, Last: 2, Sum: store.TextSum("new tail"), TermCount: 1, Model: "test", Vector: east},
			store.StoredChunk{Position: 3, First: 2, Last: 2, Sum: store.TextSum("more"), TermCount: 2, Model: "test", Vector: north},
		), stored(t, s, ws, id))
		require.Equal(t, 4, state(t, s, ws, id).Chunks)
		sum := stats(t, s, ws)
		require.Equal(t, []int{4, 3, 1}, []int{sum.Chunks, sum.Embeddings, sum.Unreadable})
		require.Empty(t, ill(t, s), "a passage that its model cannot read lacks nothing")
		requireSound(t, db)
		require.Empty(t, keyword(t, s, ws, chat.Filter{}, "gamma"))
		require.Len(t, keyword(t, s, ws, chat.Filter{}, "alpha"), 1)

		// Nothing can be found now.
		require.NoError(t, finishAs(s, again(t, s, ws, id), store.Indexed{Model: testModel}))
		require.Empty(t, stored(t, s, ws, id))
		require.Zero(t, state(t, s, ws, id).Chunks)
		requireSound(t, db)
	})
}

func TestWhatFailedIsStillFoundByItsWords(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		id := added(t, s, ws, "x", "text").ID
		c := claimOne(t, s)
		inTx(t, s, func(tx *store.Tx) error {
			return tx.FailIndexing(c, indexed(passage(0, nil, "alpha"), passage(1, nil, "beta")), "no vectors today")
		})
		require.Equal(t, []chat.ConversationID{id}, conversationsOf(keyword(t, s, ws, chat.Filter{}, "beta")))
		require.Empty(t, semantic(t, s, ws, testModel, chat.Filter{}, 1, 0, 0))
		got := state(t, s, ws, id)
		require.Equal(t, []any{chat.Failed, 2, 7, "no vectors today"}, []any{got.IndexState, got.Chunks, got.Tokens, got.IndexError})
		require.Zero(t, stats(t, s, ws).Unreadable, "nobody has tried")
		require.Empty(t, ill(t, s), "it is known to have failed")
		requireSound(t, db)
	})
}

// More chunks than one statement inserts, and the longest allowed ones.
func TestManyAndLargeChunks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		id := added(t, s, ws, "x", "text").ID
		const n = 350
		x := store.Indexed{Model: embed.Model{ID: "wide", Dimensions: 4000}, Tokens: 1}
		for i := range n {
			chunk := passage(i, make([]float32, 4000), "common", fmt.Sprint("word", i))
			chunk.Vector[i] = 1
			for range i % 300 { // repeats a word more often than real passages do
				chunk.Terms = append(chunk.Terms, "often")
			}
			chunk.Text = fmt.Sprintf("%d %01500d 'quoted' \\ \" 世界", i, i)
			x.Chunks = append(x.Chunks, chunk)
		}
		require.NoError(t, finishAs(s, claimOne(t, s), x))
		requireSound(t, db)
		chunks := stored(t, s, ws, id)
		require.Len(t, chunks, n)
		for i, chunk := range chunks {
			require.Equal(t, store.TextSum(x.Chunks[i].Text), chunk.Sum)
			require.Equal(t, x.Chunks[i].Vector, chunk.Vector)
			require.Equal(t, len(x.Chunks[i].Terms), chunk.TermCount)
		}
		require.Equal(t, 299, keyword(t, s, ws, chat.Filter{}, "often", "word299")[0].Key.Position)
	})
}

// SQLite returns a vector unchanged. PostgreSQL stores halves (11 bits of precision,
// subnormal below 2^-14), which halves the size on disk and in indexes. A component
// differs by at most 2^-11 of itself, or by 2^-25.
func TestVectorsComeBack(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	want := make([]float32, 768)
	var length float64
	for i := range want {
		want[i] = float32(random.NormFloat64())
		length += float64(want[i]) * float64(want[i])
	}
	for i := range want {
		want[i] /= float32(math.Sqrt(length))
	}
	want[0], want[1], want[2] = 0, 1e-9, -1e-5
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		id := added(t, s, ws, "x", "text").ID
		model := embed.Model{ID: "m/ä", Dimensions: len(want)}
		require.NoError(t, finishAs(s, claimOne(t, s), store.Indexed{Model: model, Chunks: []store.IndexedChunk{passage(0, want, "word")}}))
		got := stored(t, s, ws, id)[0]
		require.Equal(t, model.ID, got.Model)
		if db.Kind == storetest.SQLite {
			require.Equal(t, want, got.Vector)
			return
		}
		require.Len(t, got.Vector, len(want))
		for i, x := range want {
			require.InDelta(t, x, got.Vector[i], max(math.Abs(float64(x))/2048, 1.0/(1<<25)))
		}
	})
}

// Edited text is deleted from the passages at once, not only when the conversation is re-indexed. Passages that are
// still valid can be found in between.
func TestWhatWasEditedAwayIsGoneAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		left := func(c chat.Conversation) (positions []int) {
			stored, err := s.View(ctx).StoredChunks(ws, c.ID, 0, 1<<30)
			require.NoError(t, err)
			for _, chunk := range stored {
				positions = append(positions, chunk.Position)
			}
			require.Equal(t, len(positions), c.Chunks)
			require.Empty(t, db.Damage(t))
			return positions
		}
		for _, change := range []struct {
			name   string
			title  string
			edited []int
			want   []int
		}{
			{"nothing", "about x", nil, []int{0, 1, 2}},
			{"the last message", "about x", []int{2}, []int{0, 1}},
			{"one in the middle", "about x", []int{1}, []int{0, 2}},
			{"the first", "about x", []int{0}, []int{1, 2}},
			{"two", "about x", []int{0, 1}, []int{2}},
			{"the title", "another", nil, []int{1, 2}},
			{"the title and the last", "another", []int{2}, []int{1}},
		} {
			c := transcript(t, change.name, "one", "two", "three")
			c.Title = "about x"
			createAll(t, s, ws, c)
			x := indexed(passage(0, nil, "one"), passage(1, nil, "two"), passage(2, nil, "three"))
			for i := range x.Chunks {
				x.Chunks[i].First, x.Chunks[i].Last = i, i
			}
			require.NoError(t, finishAs(s, claimOne(t, s), x))
			turns := slices.Clone(c.Turns)
			m := chat.Merged{Title: change.title, RewriteFrom: len(turns), CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt}
			for _, at := range change.edited {
				turns[at].Text = "something else"
				m.Edited, m.Outdated = append(m.Edited, turns[at]), append(m.Outdated, chat.Span{From: at, To: at})
			}
			m.Messages = turns
			var after chat.Conversation
			inTx(t, s, func(tx *store.Tx) error {
				stored, err := tx.Conversation(ws, c.ID)
				if err != nil {
					return err
				}
				after, err = tx.UpdateConversation(ws, stored, m, c.ImportID)
				return err
			})
			require.Equal(t, change.want, left(after), change.name)
			inTx(t, s, func(tx *store.Tx) (err error) {
				renamed := "renamed"
				after, err = tx.EditConversation(ws, c.ID, chat.Edit{Title: &renamed})
				return err
			})
			require.NotContains(t, left(after), 0, change.name)
			remove(t, s, ws, c.ID)
		}
	})
}
