package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// An import has no state of its own. It is derived from its conversations.
func TestAnImportIsAsFarAsItsConversations(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.OpenAt(t, (&clock{}).Now)
		ws := workspace(t, s, "w")
		want := chat.Import{ID: chat.NewID(), Kind: "upload", Platform: "p", Status: chat.ImportReady, Conversations: 3, Messages: 7, CreatedAt: start}
		inTx(t, s, func(tx *store.Tx) error { return tx.AddToImport(ws, want) })
		check := func(status chat.ImportStatus, ready, pending, failed int, reason string) {
			t.Helper()
			want.Status, want.Ready, want.Pending, want.Failed, want.Error = status, ready, pending, failed, reason
			want.ImportJob = chat.ImportJob{State: chat.StateDone, Platforms: []string{"p"}, EndedAt: start}
			if pending > 0 {
				want.State = chat.StateIndexing
			}
			got, err := s.View(ctx).Import(ws, want.ID)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		check(chat.ImportReady, 0, 0, 0, "")

		var all []chat.Transcript
		for i := range 3 {
			c := transcript(t, fmt.Sprint(i), "text")
			c.ImportID = want.ID
			all = append(all, c)
		}
		createAll(t, s, ws, all...)
		added(t, s, ws, "of another import", "text")
		check(chat.ImportQueued, 0, 3, 0, "")

		claims := map[chat.ConversationID]store.Claim{}
		for _, c := range claim(t, s, 10) {
			claims[c.Conversation] = c
		}
		check(chat.ImportQueued, 0, 3, 0, "")
		require.NoError(t, finishAs(s, claims[all[0].ID], indexed()))
		check(chat.ImportProcessing, 1, 2, 0, "")
		inTx(t, s, func(tx *store.Tx) error { return tx.FailIndexing(claims[all[1].ID], indexed(), "too long") })
		check(chat.ImportProcessing, 1, 1, 1, "too long")
		inTx(t, s, func(tx *store.Tx) error { return tx.Retry(claims[all[2].ID], time.Hour, "not yet") })
		check(chat.ImportProcessing, 1, 1, 1, "too long")
		remove(t, s, ws, all[2].ID)
		check(chat.ImportFailed, 1, 0, 1, "too long")
		remove(t, s, ws, all[1].ID)
		check(chat.ImportReady, 1, 0, 0, "")
		remove(t, s, ws, all[0].ID)
		_, err := s.View(ctx).Import(ws, want.ID)
		require.True(t, fault.Is(err, fault.NotFound), "it goes with the last of its conversations")
	})
}

func TestImportsAreListedNewestFirst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		now := &clock{}
		s := db.OpenAt(t, now.Now)
		ws, other := workspace(t, s, "w"), workspace(t, s, "other")
		var want []string
		for i := range 7 {
			if i%2 == 0 {
				now.Advance(time.Second) // pairs have the same time: then the ids decide
			}
			id := chat.NewID()
			want = append([]string{id}, want...)
			inTx(t, s, func(tx *store.Tx) error {
				return tx.AddToImport(ws, chat.Import{ID: id, Kind: "upload", Platform: "p"})
			})
		}
		inTx(t, s, func(tx *store.Tx) error { return tx.AddToImport(other, chat.Import{ID: chat.NewID(), Kind: "upload"}) })
		var got []string
		for page := range 4 {
			items, total, err := s.View(ctx).Imports(ws, page+1, 3)
			require.NoError(t, err)
			require.Equal(t, 7, total)
			for _, i := range items {
				got = append(got, i.ID)
			}
		}
		require.Equal(t, want, got)
	})
}

// The name that the latest upload gave a platform is the platform's name.
func TestPlatformNames(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws, other := workspace(t, s, "w"), workspace(t, s, "other")
		name := func(ws chat.WorkspaceID, platform, displayName string) {
			inTx(t, s, func(tx *store.Tx) error { return tx.NamePlatform(ws, platform, displayName) })
		}
		added(t, s, ws, "x", "text")
		added(t, s, other, "x", "text")
		require.Empty(t, stats(t, s, ws).Platforms[0].DisplayName)
		name(ws, "custom", "First")
		name(ws, "custom", "Läst 世界")
		name(ws, "unused", "Nobody's")
		require.Equal(t, []chat.PlatformStats{{Platform: "custom", DisplayName: "Läst 世界", Conversations: 1, Messages: 1}}, stats(t, s, ws).Platforms)
		require.Empty(t, stats(t, s, other).Platforms[0].DisplayName)
	})
}
