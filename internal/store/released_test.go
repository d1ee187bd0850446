package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// A database that a released program has filled is migrated, and everything is still
// there: conversations, what search finds them by, receipts and tombstones.
func TestReleasedDatabasesAreMigrated(t *testing.T) {
	storetest.EachReleased(t, func(t *testing.T, db storetest.Released) {
		s := db.Open(t)
		newest, err := s.SchemaVersion(ctx)
		require.NoError(t, err)
		require.GreaterOrEqual(t, newest, int64(db.Version))
		ws, err := s.View(ctx).Workspace(chat.DefaultWorkspace)
		require.NoError(t, err)

		requireReleasedConversations(t, s, ws)
		requireReleasedSearch(t, s, ws)
		findings, err := s.Examine(ctx)
		require.NoError(t, err)
		for _, f := range findings {
			require.Zero(t, f.Count, "%+v", f)
		}

		receipts, total, err := s.View(ctx).Deletions(ws, 1, 10)
		require.NoError(t, err)
		deleted, _, err := s.View(ctx).Tombstoned(ws, "notes", "doomed")
		require.NoError(t, err)
		if keepsReceipts := db.Version >= 2; keepsReceipts {
			require.Equal(t, 1, total)
			require.Equal(t, 1, receipts[0].Conversations)
			require.True(t, deleted)
		} else {
			require.Zero(t, total)
			require.False(t, deleted)
		}

		// It then works like a new one: a delete deletes everything.
		for _, id := range list(t, s, ws, chat.Filter{}) {
			require.Equal(t, []chat.ConversationID{id}, remove(t, s, ws, id))
		}
		require.Empty(t, db.Damage(t))
		require.Empty(t, keyword(t, s, ws, chat.Filter{}, "snarkfeld"))
	})
}

// requireReleasedConversations reads what make.sh has uploaded.
func requireReleasedConversations(t *testing.T, s *store.Store, ws chat.WorkspaceID) {
	t.Helper()
	stored := map[string]chat.Transcript{}
	for _, id := range list(t, s, ws, chat.Filter{}) {
		transcript, err := s.View(ctx).Transcript(ws, id)
		require.NoError(t, err)
		stored[transcript.ExternalID] = transcript
	}
	require.Len(t, stored, 3)
	texts := func(externalID string) (texts []string) {
		for _, m := range stored[externalID].Turns {
			texts = append(texts, m.Text)
		}
		return texts
	}
	garden := stored["garden"]
	require.Equal(t, "The spare key", garden.Title)
	require.Equal(t, "notes", garden.Platform)
	require.True(t, garden.Pinned)
	require.Equal(t, []string{"Where did I leave the spare key?", "Under the blue flowerpot by the back door."}, texts("garden"))
	require.Equal(t, "植木鉢 & <b>Öl</b>", stored["ünï/1"].Title)
	require.Equal(t, []string{"予備の鍵は青い植木鉢の下です。", `Grüße! It's noted; 100% sure? \ "yes".`}, texts("ünï/1"))
	long := texts("long")
	require.Len(t, long, 40)
	for i, text := range long {
		require.Equal(t, strings.TrimSpace(fmt.Sprintf("Number %d of the snarkfeld: ", i)+strings.Repeat("and so it went on and on. ", 8)), strings.TrimSpace(text))
	}
}

// requireReleasedSearch finds the conversations by their words and by their vectors.
func requireReleasedSearch(t *testing.T, s *store.Store, ws chat.WorkspaceID) {
	t.Helper()
	require.NotEmpty(t, keyword(t, s, ws, chat.Filter{}, "snarkfeld"))
	require.Len(t, keyword(t, s, ws, chat.Filter{}, "flowerpot"), 1)
	require.Empty(t, keyword(t, s, ws, chat.Filter{}, "wobbelring"))
	found, err := s.View(ctx).SearchSemantic(ws, embed.Model{ID: "openai/letters", Dimensions: 8}, []float32{1, 1, 1, 1, 1, 1, 1, 1}, chat.Filter{})
	require.NoError(t, err)
	require.Greater(t, len(found), 10)
}
