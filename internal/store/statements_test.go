package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// During a rolling restart, older programs use a schema that a newer one has already
// extended, with statements that they prepared before.
func TestAColumnThatANewerProgramAddsDisturbsNobody(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s, newer := db.Open(t), db.Open(t)
		ws := workspace(t, s, "w")
		stored := added(t, s, ws, "x", "text")
		use := func() {
			t.Helper()
			_, err := s.View(ctx).Transcript(ws, stored.ID)
			require.NoError(t, err)
			require.NoError(t, s.Snapshot(ctx, func(v *store.View) error {
				_, _, err := v.Conversations(ws, chat.ListQuery{Page: 1, PageSize: 10})
				return err
			}))
			require.NoError(t, s.InTx(ctx, func(tx *store.Tx) error {
				_, _, err := tx.LockByExternalID(ws, stored.Platform, stored.ExternalID)
				return err
			}))
		}
		use()
		for _, table := range []string{"conversations", "messages"} {
			_, err := store.Pools(newer)[0].Exec("ALTER TABLE " + table + " ADD COLUMN added_later text")
			require.NoError(t, err)
		}
		use()
	})
}
