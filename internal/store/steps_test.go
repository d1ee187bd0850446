package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// words completes the first stage in one step.
func words(t *testing.T, s *store.Store, c store.Claim, model embed.Model, chunks ...store.IndexedChunk) store.Claim {
	t.Helper()
	inTx(t, s, func(tx *store.Tx) (err error) {
		if c, err = tx.UseRecipe(c, model, 1); err != nil {
			return err
		}
		if err = tx.StoreWords(c, model, chunks); err != nil {
			return err
		}
		c, err = tx.FinishWords(c, 10, len(chunks), false)
		return err
	})
	return c
}

// Search finds a conversation by its words after the first stage. It then waits only for
// an embedder. Its counters are correct after every step.
func TestIndexingInTwoStages(t *testing.T) {
	model := embed.Model{ID: "m", Dimensions: 3}
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.OpenAt(t, (&clock{}).Now)
		ws := workspace(t, s, "w")
		id := added(t, s, ws, "x", "text").ID
		only := func(vectors bool) []store.Claim {
			var claims []store.Claim
			inTx(t, s, func(tx *store.Tx) (err error) { claims, err = tx.Claim(lease, 5, vectors); return err })
			return claims
		}
		claims := only(false)
		require.Len(t, claims, 1)
		c := words(t, s, claims[0], model, passage(0, nil, "alpha"), passage(1, nil, "beta"), passage(2, nil, "gamma"))
		require.True(t, c.WordsIn)
		inTx(t, s, func(tx *store.Tx) error { return tx.Postpone(c, "the embedder is away") })
		got := state(t, s, ws, id)
		require.Equal(t, []any{chat.Queued, "the embedder is away", 3, 10}, []any{got.IndexState, got.IndexError, got.Chunks, got.Tokens})
		require.Empty(t, only(false), "its words are in")
		_, due, err := s.View(ctx).NextDue(false)
		require.NoError(t, err)
		require.False(t, due)
		claims = only(true)
		require.Len(t, claims, 1)
		c = claims[0]
		require.Equal(t, []any{1, true}, []any{c.Attempt, c.WordsIn}, "a postponed attempt does not count")

		waiting, err := s.View(ctx).Unembedded(ws, id, model, 0, 2)
		require.NoError(t, err)
		require.Equal(t, []int{0, 1}, []int{waiting[0].Position, waiting[1].Position})
		inTx(t, s, func(tx *store.Tx) error {
			return tx.StoreVectors(c, model, []store.PassageVector{{Position: 0, Vector: []float32{1, 0, 0}}, {Position: 1}})
		})
		waiting, err = s.View(ctx).Unembedded(ws, id, model, 0, 9)
		require.NoError(t, err)
		require.Len(t, waiting, 1, "what it cannot read it is not asked about again")
		requireSound(t, db)
		inTx(t, s, func(tx *store.Tx) error {
			if err := tx.StoreVectors(c, model, []store.PassageVector{{Position: 2, Vector: []float32{0, 1, 0}}}); err != nil {
				return err
			}
			return tx.FinishVectors(c)
		})
		require.Equal(t, chat.Ready, state(t, s, ws, id).IndexState)
		requireSound(t, db)

		// A change works in the same way: replaced chunks, and those beyond the new end,
		// are deleted.
		merge(t, s, ws, says(named{"0", "new text"}))
		c = claimOne(t, s)
		require.False(t, c.WordsIn)
		other := embed.Model{ID: "other", Dimensions: 3}
		c = words(t, s, c, other, passage(0, nil, "delta"))
		require.Equal(t, 1, state(t, s, ws, id).Chunks)
		inTx(t, s, func(tx *store.Tx) error { return tx.FinishVectors(c) })
		require.Zero(t, db.Count(t, "SELECT count(*) FROM embeddings"), "vectors of another model stay nowhere")
		require.Zero(t, db.Count(t, "SELECT count(*) FROM chunks WHERE unreadable_by <> ''"))
	})
}

// A conversation is read in pages, whatever its length and the size of its messages.
func TestClaimedMessages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		var texts []string
		for i := range 450 {
			texts = append(texts, fmt.Sprint("message ", i, strings.Repeat("x", map[bool]int{true: 5000}[i == 7])))
		}
		added(t, s, ws, "x", texts...)
		c := claimOne(t, s)
		var got []string
		var pages []int
		for from := 0; ; from = len(got) {
			page, err := s.View(ctx).ClaimedMessages(c, from, 1000)
			require.NoError(t, err)
			if len(page) == 0 {
				break
			}
			for _, m := range page {
				require.Equal(t, len(got), m.Position)
				got = append(got, m.Text)
			}
			pages = append(pages, len(page))
		}
		require.Equal(t, texts, got)
		require.Equal(t, []int{7, 1}, pages[:2])
	})
}

// A conversation that a wrong clock postponed for longer than any pause is due again.
// Others keep waiting.
func TestALeaseFromTheFutureIsTakenBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		ahead := &clock{}
		ahead.Advance(24 * time.Hour)
		now := &clock{}
		s, wrong := db.OpenAt(t, now.Now), db.OpenAt(t, ahead.Now)
		ws := workspace(t, s, "w")
		id := added(t, s, ws, "x", "text").ID
		require.Equal(t, id, claimOne(t, wrong).Conversation)
		require.Empty(t, claim(t, s, 1))
		waits := added(t, s, ws, "y", "text").ID
		c := claimOne(t, s)
		inTx(t, s, func(tx *store.Tx) error { return tx.Retry(c, time.Minute, "why") })
		inTx(t, s, func(tx *store.Tx) error {
			n, err := tx.HurryFuture(10 * time.Minute)
			require.Equal(t, 1, n)
			return err
		})
		require.Equal(t, id, claimOne(t, s).Conversation)
		require.NotEqual(t, waits, id)
		require.Empty(t, claim(t, s, 1))
	})
}
