package store_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

func TestDeleteTakesEverythingOfItsConversations(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws, other := workspace(t, s, "w"), workspace(t, s, "other")
		var mine []chat.ConversationID
		for i := range 6 {
			mine = append(mine, added(t, s, ws, fmt.Sprint(i), "one", "two", "three").ID)
		}
		foreign := added(t, s, other, "0", "one")
		indexAll(t, s, []string{"alpha", "common"}, []string{"beta", "common"})
		elsewhere := dump(t, s, other)

		asked := []chat.ConversationID{mine[4], chat.ConversationID(chat.NewID()), foreign.ID, mine[1]}
		gone := remove(t, s, ws, asked...)
		require.ElementsMatch(t, []chat.ConversationID{mine[1], mine[4]}, gone)
		require.Zero(t, rowsOf(t, s, gone...), "no row of any table names them")
		require.Equal(t, elsewhere, dump(t, s, other))
		requireSound(t, db)

		left := []chat.ConversationID{mine[0], mine[2], mine[3], mine[5]}
		require.ElementsMatch(t, left, list(t, s, ws, chat.Filter{}))
		v := s.View(ctx)
		for _, term := range []string{"alpha", "beta", "common"} {
			found, err := v.SearchKeyword(ws, store.Words{Terms: []string{term}}, chat.Filter{})
			require.NoError(t, err)
			require.Equal(t, left, conversationsOf(found.Passages), term)
		}
		found, err := v.SearchSemantic(ws, testModel, []float32{1, 0, 0}, chat.Filter{})
		require.NoError(t, err)
		require.Equal(t, left, conversationsOf(found))
		stats, err := v.Stats(ws)
		require.NoError(t, err)
		require.Equal(t, []int{4, 12, 28, 8, 8}, []int{stats.Conversations, stats.Messages, stats.Tokens, stats.Chunks, stats.Embeddings})

		require.Empty(t, remove(t, s, ws, asked...), "a second time there is nothing to delete")
		require.NotNil(t, remove(t, s, ws, asked...))
		require.ElementsMatch(t, left, remove(t, s, ws, left...))
		require.Zero(t, rowsOf(t, s, mine...))
		require.Equal(t, elsewhere, dump(t, s, other))

		created := added(t, s, ws, "0", "again") // the name is free again
		require.Equal(t, []chat.ConversationID{created.ID}, list(t, s, ws, chat.Filter{}))
	})
}

func TestDeleteOfManyIDs(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		var fresh []chat.Transcript
		for i := range 300 {
			fresh = append(fresh, transcript(t, fmt.Sprint(i), "text"))
		}
		createAll(t, s, ws, fresh...)
		asked := make([]chat.ConversationID, 10_000)
		var want []chat.ConversationID
		for i := range asked {
			asked[i] = chat.ConversationID(chat.NewID())
			if i%50 == 0 {
				asked[i] = fresh[i/50].ID
				want = append(want, asked[i])
			}
		}
		require.ElementsMatch(t, want, remove(t, s, ws, asked...))
		n, err := s.View(ctx).Count(ws)
		require.NoError(t, err)
		require.Equal(t, len(fresh)-len(want), n)
		require.Empty(t, remove(t, s, ws), "of no ids nothing")
		requireSound(t, db)
	})
}

// Deletes of overlapping ids in opposite orders, in one program and in two: none waits
// for ever, and exactly one reports each id.
func TestConcurrentDeletesOfTheSame(t *testing.T) {
	const rounds, deleters, conversations = 20, 4, 12
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		stores := []*store.Store{db.Open(t), db.Open(t)}
		ws := workspace(t, stores[0], "w")
		for round := range rounds {
			var fresh []chat.Transcript
			for i := range conversations {
				fresh = append(fresh, transcript(t, fmt.Sprint(round, "/", i), "one", "two"))
			}
			createAll(t, stores[0], ws, fresh...)
			var mu sync.Mutex
			var gone, all []chat.ConversationID
			for _, c := range fresh {
				all = append(all, c.ID)
			}
			var deleting errgroup.Group
			for i := range deleters {
				asked := slices.Clone(all[i : conversations-deleters+i+1]) // overlapping
				if i%2 == 1 {
					slices.Reverse(asked)
				}
				deleting.Go(func() error {
					return stores[i%2].InTx(ctx, func(tx *store.Tx) error {
						mine, _, err := tx.DeleteConversations(ws, asked, chat.DeleteOptions{})
						mu.Lock()
						defer mu.Unlock()
						gone = append(gone, mine...)
						return err
					})
				})
			}
			require.NoError(t, deleting.Wait())
			require.ElementsMatch(t, all, gone)
			require.Zero(t, rowsOf(t, stores[0], all...))
		}
	})
}

// A delete runs while workers are about to store chunks of the deleted conversations.
func TestADeleteLeavesNothingToThoseWhoIndex(t *testing.T) {
	const rounds, conversations = 10, 8
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		stores := []*store.Store{db.Open(t), db.Open(t)}
		ws := workspace(t, stores[0], "w")
		for round := range rounds {
			var fresh []chat.Transcript
			var all []chat.ConversationID
			for i := range conversations {
				fresh = append(fresh, transcript(t, fmt.Sprint(round, "/", i), "one", "two"))
				all = append(all, fresh[i].ID)
			}
			createAll(t, stores[0], ws, fresh...)
			var racing errgroup.Group
			for i, c := range claim(t, stores[0], conversations) {
				racing.Go(func() error {
					err := finishAs(stores[i%2], c, indexed(passage(0, []float32{1, 0, 0}, "alpha"), passage(1, nil, "beta")))
					if err != nil {
						require.ErrorIs(t, err, store.ErrClaimLost)
					}
					return nil
				})
			}
			racing.Go(func() error {
				return stores[1].InTx(ctx, func(tx *store.Tx) error {
					gone, _, err := tx.DeleteConversations(ws, all, chat.DeleteOptions{})
					require.Len(t, gone, conversations)
					return err
				})
			})
			require.NoError(t, racing.Wait())
			require.Zero(t, rowsOf(t, stores[0], all...))
		}
		requireSound(t, db)
	})
}
