package store_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

func TestADeleteLeavesAReceiptAndNothingElse(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		a, b := transcript(t, "secretplan", "marzipan", "kohlrabi"), transcript(t, "b", "three")
		createAll(t, s, ws, a, b)
		require.NoError(t, finish(s, claimOne(t, s), "alpha", "beta"))

		var receipt chat.Deletion
		inTx(t, s, func(tx *store.Tx) (err error) {
			_, receipt, err = tx.DeleteConversations(ws, []chat.ConversationID{a.ID, chat.ConversationID(chat.NewID())}, chat.DeleteOptions{KeyID: "k"})
			return err
		})
		require.Equal(t, 1, receipt.Conversations)
		require.Equal(t, 2, receipt.Messages)
		require.Equal(t, 2, receipt.Chunks)
		require.Equal(t, 2, receipt.Embeddings)
		require.Equal(t, "k", receipt.KeyID)
		require.Nil(t, receipt.ReclaimedAt)
		stored, err := s.View(ctx).Deletion(ws, receipt.ID)
		require.NoError(t, err)
		require.Equal(t, receipt, stored)
		page, total, err := s.View(ctx).Deletions(ws, 1, 10)
		require.NoError(t, err)
		require.Equal(t, 1, total)
		require.Equal(t, []chat.Deletion{receipt}, page)

		all := strings.Join(dump(t, s, ws), "\n")
		for _, name := range []string{string(a.ID), a.ExternalID, a.Title, string(a.Turns[0].ID), a.Turns[0].Text} {
			require.NotContains(t, all, name)
		}

		// A repeated call deletes nothing and writes no second receipt.
		inTx(t, s, func(tx *store.Tx) error {
			gone, none, err := tx.DeleteConversations(ws, []chat.ConversationID{a.ID}, chat.DeleteOptions{})
			require.Empty(t, gone)
			require.Zero(t, none)
			return err
		})
		_, total, err = s.View(ctx).Deletions(ws, 1, 10)
		require.NoError(t, err)
		require.Equal(t, 1, total)

		left, err := s.Unreclaimed(ctx)
		require.NoError(t, err)
		require.Equal(t, 1, left.Deletes)
		settled, err := s.Reclaim(ctx, store.Reclaiming{})
		require.NoError(t, err)
		require.Equal(t, 1, settled)
		stored, err = s.View(ctx).Deletion(ws, receipt.ID)
		require.NoError(t, err)
		require.NotNil(t, stored.ReclaimedAt)
	})
}

func TestTombstones(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws, other := workspace(t, s, "w"), workspace(t, s, "other")
		plain, excluded := transcript(t, "plain", "one"), transcript(t, "excluded", "two")
		createAll(t, s, ws, plain, excluded)
		inTx(t, s, func(tx *store.Tx) error {
			_, _, err := tx.DeleteConversations(ws, []chat.ConversationID{plain.ID}, chat.DeleteOptions{})
			require.NoError(t, err)
			_, _, err = tx.DeleteConversations(ws, []chat.ConversationID{excluded.ID}, chat.DeleteOptions{Exclude: true})
			return err
		})
		is := func(ws chat.WorkspaceID, externalID string) [2]bool {
			deleted, refused, err := s.View(ctx).Tombstoned(ws, plain.Platform, externalID)
			require.NoError(t, err)
			return [2]bool{deleted, refused}
		}
		require.Equal(t, [2]bool{true, false}, is(ws, "plain"))
		require.Equal(t, [2]bool{true, true}, is(ws, "excluded"))
		require.Equal(t, [2]bool{}, is(ws, "never seen"))
		require.Equal(t, [2]bool{}, is(other, "excluded"))
		inTx(t, s, func(tx *store.Tx) error { return tx.RemoveTombstone(ws, plain.Platform, "excluded") })
		require.Equal(t, [2]bool{}, is(ws, "excluded"))
		_, err := s.View(ctx).Deletion(other, chat.DeletionID(chat.NewID()))
		require.True(t, fault.Is(err, fault.NotFound))
	})
}
