package history_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// An upload that finds no conversation, is overtaken by another upload of it, and then finds that one deleted, starts
// again. Uploads and deletes lock rows in the same order, so no transaction is aborted.
func TestUploadsAndDeletesOfOneConversation(t *testing.T) {
	const people, rounds = 8, 60
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		h, ws, settle := crowd(t, db)
		failures := make(chan error, people*rounds*2)
		var all sync.WaitGroup
		for range people {
			all.Go(func() {
				for range rounds {
					done, err := h.AsOperator(ws).Ingest(t.Context(), chat.Upload{ExternalID: "x", Messages: []chat.UploadMessage{{Role: "human", Text: "hello"}}})
					if err != nil {
						failures <- err
						continue
					}
					if _, err := h.AsOperator(ws).DeleteConversations(t.Context(), []chat.ConversationID{done.Conversation.ID}, chat.DeleteOptions{}); err != nil {
						failures <- err
					}
				}
			})
		}
		all.Wait()
		settle(failures)
	})
}

// Deliveries of the same conversations in different orders at the same time, with deletes of what they store: none
// fails, and no transaction is aborted.
func TestDeliveriesAndDeletesAtOnce(t *testing.T) {
	const people, rounds, size = 4, 20, 12
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		h, ws, settle := crowd(t, db)
		failures := make(chan error, people*rounds*2)
		var all sync.WaitGroup
		for person := range people {
			all.Go(func() {
				for range rounds {
					var uploads []chat.Upload
					for i := range size {
						name := string(rune('a' + (i*5+person*7)%size))
						uploads = append(uploads, chat.Upload{ExternalID: name, Messages: []chat.UploadMessage{{Role: "human", Text: "hello"}}})
					}
					done, err := h.AsOperator(ws).IngestAll(t.Context(), uploads, history.Delivery{})
					if err != nil {
						failures <- err
						continue
					}
					var ids []chat.ConversationID
					for _, c := range done.Conversations[:size/2] {
						ids = append(ids, c.ID)
					}
					if _, err := h.AsOperator(ws).DeleteConversations(t.Context(), ids, chat.DeleteOptions{}); err != nil {
						failures <- err
					}
				}
			})
		}
		all.Wait()
		settle(failures)
	})
}

// crowd returns a history for many callers at once, and a function to call when they are done. It checks that nobody
// failed, that no transaction was aborted, and that the database is consistent.
func crowd(t *testing.T, db storetest.Database) (h *history.History, ws chat.WorkspaceID, settle func(failures chan error)) {
	t.Helper()
	s, err := store.Open(t.Context(), db.Options())
	require.NoError(t, err)
	require.NoError(t, s.InTx(t.Context(), func(tx *store.Tx) (err error) {
		ws, err = tx.EnsureWorkspace("w")
		return err
	}))
	return history.New(history.Options{Store: s, Embedder: embed.NewNone()}), ws, func(failures chan error) {
		t.Helper()
		close(failures)
		for err := range failures {
			require.NoError(t, err)
		}
		require.NoError(t, s.Close())
		require.Zero(t, db.Deadlocks(t))
		require.Empty(t, db.Damage(t))
	}
}
