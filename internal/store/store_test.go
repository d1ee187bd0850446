package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

var ctx = context.Background()

func workspace(t testing.TB, s *store.Store, name string) (ws chat.WorkspaceID) {
	t.Helper()
	require.NoError(t, s.InTx(ctx, func(tx *store.Tx) (err error) {
		ws, err = tx.EnsureWorkspace(name)
		return err
	}))
	return ws
}

func upload(t testing.TB, externalID string, texts ...string) chat.Upload {
	t.Helper()
	u := chat.Upload{ExternalID: externalID, Title: "about " + externalID}
	for i, text := range texts {
		role := "human"
		if i%2 == 1 {
			role = "assistant"
		}
		u.Messages = append(u.Messages, chat.UploadMessage{Role: role, Text: text})
	}
	require.NoError(t, u.Normalize(time.Now()))
	return u
}

func create(t testing.TB, s *store.Store, ws chat.WorkspaceID, u chat.Upload) chat.Transcript {
	t.Helper()
	fresh := chat.NewTranscript(u)
	fresh.ImportID = chat.NewID()
	require.NoError(t, s.InTx(ctx, func(tx *store.Tx) error {
		made, err := tx.CreateConversation(ws, fresh)
		require.True(t, made)
		return err
	}))
	return fresh
}

func claim(t testing.TB, s *store.Store, n int) (claims []store.Claim) {
	t.Helper()
	require.NoError(t, s.InTx(ctx, func(tx *store.Tx) (err error) {
		claims, err = tx.Claim(time.Minute, n)
		return err
	}))
	return claims
}

func finish(s *store.Store, c store.Claim, texts ...string) error {
	x := store.Indexed{Model: embed.Model{ID: "test", Dimensions: 3}, Tokens: 7}
	for i, text := range texts {
		x.Chunks = append(x.Chunks, store.IndexedChunk{Position: i, Text: text, Terms: []string{text}, Vector: []float32{1, 0, 0}})
	}
	return s.InTx(ctx, func(tx *store.Tx) error { return tx.FinishIndexing(c, x) })
}

func TestAStoredConversationComesBackAsItWas(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		want := create(t, s, ws, upload(t, "x", "Grüße, 世界 🌍", "a\nb\t\"c\" ' -- ; DROP"))
		got, err := s.View(ctx).Transcript(ws, want.ID)
		require.NoError(t, err)
		require.Equal(t, want, got)
		_, err = s.View(ctx).Transcript(ws+1, want.ID)
		require.True(t, fault.Is(err, fault.NotFound))
	})
}

func TestDeleteTakesEverything(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		a, b := create(t, s, ws, upload(t, "a", "one", "two")), create(t, s, ws, upload(t, "b", "three"))
		for _, c := range claim(t, s, 5) {
			require.NoError(t, finish(s, c, "alpha", "beta"))
		}
		found, err := s.View(ctx).SearchKeyword(ws, []string{"alpha"}, chat.Filter{})
		require.NoError(t, err)
		require.Len(t, found, 2)
		require.NoError(t, s.InTx(ctx, func(tx *store.Tx) error {
			gone, err := tx.DeleteConversations(ws, []string{a.ID, chat.NewID()})
			require.Equal(t, []string{a.ID}, gone)
			return err
		}))
		found, err = s.View(ctx).SearchKeyword(ws, []string{"alpha"}, chat.Filter{})
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.Equal(t, b.ID, found[0].Key.Conversation)
		found, err = s.View(ctx).SearchSemantic(ws, embed.Model{ID: "test", Dimensions: 3}, []float32{1, 0, 0}, chat.Filter{})
		require.NoError(t, err)
		require.Len(t, found, 2)
	})
}
