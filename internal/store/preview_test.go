package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// A preview has the sums of exactly what a delete would delete, by filter and by ids.
func TestAPreviewSumsUpWhatADeleteTakes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		now := &clock{}
		s := db.OpenAt(t, now.Now)
		ws, other := workspace(t, s, "w"), workspace(t, s, "other")
		added(t, s, other, "not mine", "one", "two")
		first := added(t, s, ws, "a", "one", "two", "three")
		third := added(t, s, ws, "c", "one")
		now.Advance(time.Hour)
		second := added(t, s, ws, "b", "one")
		indexAll(t, s, []string{"alpha"}, []string{"beta"})
		inTx(t, s, func(tx *store.Tx) error {
			_, err := tx.EditConversation(ws, second.ID, chat.Edit{Pinned: new(true)})
			return err
		})

		all, err := s.View(ctx).PreviewMatching(ws, chat.Filter{})
		require.NoError(t, err)
		require.Equal(t, 3, all.Conversations)
		require.Equal(t, 5, all.Messages)
		require.Equal(t, 6, all.Passages)
		require.Equal(t, 1, all.Pinned)
		require.Equal(t, first.CreatedAt, all.Oldest)
		require.Equal(t, second.CreatedAt, all.Newest)
		require.ElementsMatch(t, []string{first.Title, second.Title, third.Title}, all.Titles)

		byIDs, err := s.View(ctx).PreviewIDs(ws, []chat.ConversationID{first.ID, second.ID, third.ID})
		require.NoError(t, err)
		require.Equal(t, all, byIDs)
		none, err := s.View(ctx).PreviewMatching(ws, chat.Filter{Platform: "nothing"})
		require.NoError(t, err)
		require.Zero(t, none.Conversations)
		require.True(t, none.Oldest.IsZero())
		unpinned, err := s.View(ctx).PreviewMatching(ws, chat.Filter{Unpinned: true})
		require.NoError(t, err)
		require.Equal(t, 2, unpinned.Conversations)
	})
}
