package store_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

func TestATransactionIsAllOrNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		added(t, s, ws, "before", "text")
		before := dump(t, s, ws)
		write := func(tx *store.Tx) {
			made, err := tx.CreateConversation(ws, transcript(t, "x", "one", "two"))
			require.NoError(t, err)
			require.True(t, made)
			n, err := tx.Count(ws)
			require.NoError(t, err)
			require.Equal(t, 2, n, "a transaction sees what it wrote")
		}

		known, surprise := fault.Invalidf("known"), errors.New("surprise")
		require.Same(t, known, s.InTx(ctx, func(tx *store.Tx) error { write(tx); return known }))
		require.ErrorIs(t, s.InTx(ctx, func(tx *store.Tx) error { write(tx); return surprise }), surprise)
		require.PanicsWithValue(t, "a bug", func() {
			_ = s.InTx(ctx, func(tx *store.Tx) error { write(tx); panic("a bug") })
		})
		require.Equal(t, before, dump(t, s, ws))

		inTx(t, s, func(tx *store.Tx) error { write(tx); return nil })
		require.Greater(t, len(dump(t, s, ws)), len(before), "the store works on")
		requireSound(t, db)
	})
}

func TestASnapshotSeesOneMoment(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s, other := db.Open(t), db.Open(t)
		ws := workspace(t, s, "w")
		kept, deleted := added(t, s, ws, "kept", "text"), added(t, s, ws, "deleted", "text")
		require.NoError(t, s.Snapshot(ctx, func(v *store.View) error {
			n, err := v.Count(ws)
			require.NoError(t, err)
			require.Equal(t, 2, n)

			remove(t, s, ws, deleted.ID) // by this program
			added(t, other, ws, "new", "text")
			added(t, other, ws, "newer", "text") // and by another one

			n, err = v.Count(ws)
			require.NoError(t, err)
			require.Equal(t, 2, n)
			got, err := v.Transcript(ws, deleted.ID)
			require.NoError(t, err)
			require.Equal(t, deleted, got)
			page, total, err := v.Conversations(ws, chat.ListQuery{Page: 1, PageSize: 10})
			require.NoError(t, err)
			require.Equal(t, 2, total)
			require.ElementsMatch(t, []chat.ConversationID{kept.ID, deleted.ID}, ids(page))
			return nil
		}))
		n, err := s.View(ctx).Count(ws)
		require.NoError(t, err)
		require.Equal(t, 3, n)
	})
}

// Writers in one program and in several wait for each other; none is refused.
func TestWritersQueue(t *testing.T) {
	const programs, writers, rounds = 2, 4, 5
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		first := db.Open(t)
		ws := workspace(t, first, "w")
		c := added(t, first, ws, "x", "text")
		stores := []*store.Store{first, db.Open(t)}
		var writing errgroup.Group
		for i := range programs * writers {
			writing.Go(func() error {
				for range rounds {
					err := stores[i%programs].InTx(ctx, func(tx *store.Tx) error {
						// The hard case: read, then write what depends on it.
						stored, _, err := tx.LockByExternalID(ws, c.Platform, c.ExternalID)
						if err != nil {
							return err
						}
						longer := stored.Title + "+"
						_, err = tx.EditConversation(ws, c.ID, chat.Edit{Title: &longer})
						return err
					})
					if err != nil {
						return err
					}
				}
				return nil
			})
		}
		require.NoError(t, writing.Wait())
		got, err := first.View(ctx).Conversation(ws, c.ID)
		require.NoError(t, err)
		require.Len(t, got.Title, len(c.Title)+programs*writers*rounds, "no update was lost")
	})
}

// PostgreSQL ends one of two transactions that wait for each other. It is run again
// without an error to the caller. (On SQLite the second one cannot begin.)
func TestADeadlockedTransactionIsRunAgain(t *testing.T) {
	storetest.OnPostgres(t, aDeadlockedTransactionIsRunAgain)
}

func aDeadlockedTransactionIsRunAgain(t *testing.T) {
	s := storetest.New(t, storetest.Postgres).Open(t)
	ws := workspace(t, s, "w")
	a, b := added(t, s, ws, "a", "text"), added(t, s, ws, "b", "text")
	var runs [2]int
	var together errgroup.Group
	var meet sync.WaitGroup
	meet.Add(2)
	for i, order := range [][2]chat.ConversationID{{a.ID, b.ID}, {b.ID, a.ID}} {
		together.Go(func() error {
			return s.InTx(ctx, func(tx *store.Tx) error {
				runs[i]++
				pinned := true
				if _, err := tx.EditConversation(ws, order[0], chat.Edit{Pinned: &pinned}); err != nil {
					return err
				}
				if runs[i] == 1 { // each has locked its first row now
					meet.Done()
					meet.Wait()
				}
				_, err := tx.EditConversation(ws, order[1], chat.Edit{Pinned: &pinned})
				return err
			})
		})
	}
	require.NoError(t, together.Wait())
	require.Greater(t, runs[0]+runs[1], 2, "they met, and may have met again") // the aborted one may be back before the other one has continued, so they may have met again
}

func TestTheClockIsTheStores(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		at := time.Date(2031, 5, 6, 7, 8, 9, 123_456_789, time.FixedZone("east", 3600))
		s := db.OpenAt(t, func() time.Time { return at })
		ws := workspace(t, s, "w")
		inTx(t, s, func(tx *store.Tx) error { return tx.AddToImport(ws, chat.Import{ID: chat.NewID(), Kind: "upload"}) })
		items, _, err := s.View(ctx).Imports(ws, 1, 1)
		require.NoError(t, err)
		require.Equal(t, time.Date(2031, 5, 6, 6, 8, 9, 123_456_000, time.UTC), items[0].CreatedAt, "UTC, to the microsecond")
	})
}
