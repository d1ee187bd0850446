package store_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

func TestLockedConversationsAreThoseThatAreThere(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws, other := workspace(t, s, "w"), workspace(t, s, "other")
		a, b, theirs := added(t, s, ws, "a", "one").ID, added(t, s, ws, "b", "one").ID, added(t, s, other, "a", "one").ID
		inTx(t, s, func(tx *store.Tx) error {
			held, err := tx.LockConversations(ws, []chat.ConversationID{b, theirs, chat.ConversationID(chat.NewID()), a})
			require.Equal(t, slices.Sorted(slices.Values([]chat.ConversationID{a, b})), held)
			return err
		})
	})
}

// Other transactions cannot lock locked rows: a delete waits for them until its deadline.
func TestADeleteWaitsForTheLocks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s, elsewhere := db.Open(t), db.Open(t)
		ws := workspace(t, s, "w")
		a, b := added(t, s, ws, "a", "one").ID, added(t, s, ws, "b", "one").ID
		inTx(t, s, func(tx *store.Tx) error {
			held, err := tx.LockConversations(ws, []chat.ConversationID{b, a})
			require.NoError(t, err)
			require.Len(t, held, 2)
			short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
			defer cancel()
			err = elsewhere.InTx(short, func(tx *store.Tx) error {
				_, _, err := tx.DeleteConversations(ws, []chat.ConversationID{a}, chat.DeleteOptions{})
				return err
			})
			require.Contains(t, []fault.Kind{fault.Canceled, fault.Unavailable}, fault.KindOf(err), "%v", err)
			require.Error(t, err)
			gone, _, err := tx.DeleteConversations(ws, held, chat.DeleteOptions{})
			require.Len(t, gone, 2)
			return err
		})
	})
}
