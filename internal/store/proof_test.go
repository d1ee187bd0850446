package store_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// A proof reports everything that a delete leaves behind, in any table, and ignores the
// data of other conversations.
func TestAReceiptIsProvenOrNot(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		populate(t, s, ws, "kept")
		gone := populate(t, s, ws, "gone").conversation
		var receipt chat.Deletion
		inTx(t, s, func(tx *store.Tx) (err error) {
			_, receipt, err = tx.DeleteConversations(ws, []chat.ConversationID{gone.ID}, chat.DeleteOptions{})
			return err
		})
		found := func(id chat.DeletionID) map[string]int {
			got, findings, err := s.Prove(ctx, id)
			require.NoError(t, err)
			require.Equal(t, id, got.ID)
			counts := map[string]int{}
			for _, f := range findings {
				if f.Count > 0 {
					counts[f.Check] = f.Count
				}
			}
			return counts
		}
		require.Empty(t, found(receipt.ID))

		db.Break(t, fmt.Sprintf(`INSERT INTO messages (workspace_id, conversation_id, position, id, external_id, sender, text, created_at)
			VALUES (%d, '%s', 0, '%s', '', 'human', '', 0)`, ws, gone.ID, chat.NewID()))
		require.Equal(t, map[string]int{"remaining messages": 1}, found(receipt.ID))

		inTx(t, s, func(tx *store.Tx) (err error) {
			receipt, err = tx.DeleteWorkspace(ws, chat.DeleteOptions{})
			return err
		})
		require.Equal(t, map[string]int{"remaining messages": 1}, found(receipt.ID), "nothing of a deleted workspace may be left")
		for _, unknown := range []chat.DeletionID{"", "x", chat.DeletionID(chat.NewID())} {
			_, _, err := s.Prove(ctx, unknown)
			require.True(t, fault.Is(err, fault.NotFound), "%v", err)
		}
	})
}
