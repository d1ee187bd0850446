package app_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
)

func answered[T any](t *testing.T, s *apptest.Service, method, path, body string) (answer T) {
	t.Helper()
	got := send(t, s, method, path, body)
	require.Equal(t, 200, got.status, got.body)
	require.NoError(t, json.Unmarshal([]byte(got.body), &answer))
	return answer
}

// A delete with `wait` starts the reclaim that it waits for, also on PostgreSQL, where
// small deletes otherwise wait for more.
func TestADeleteCanWaitUntilItsStorageIsReclaimed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		id := s.Upload(t, "x", "the snarkfeld is here")
		s.Ready(t, id)
		answer := answered[api.DeleteAnswer](t, s, "DELETE", chats, `{"ids":["`+id+`"],"wait":true}`)
		require.Equal(t, []string{id}, answer.Deleted)
		require.NotNil(t, answer.DeletionID)
		require.NotNil(t, answer.ReclaimedAt)
		receipt := answered[api.Deletion](t, s, "GET", "/api/chat-history/deletions/"+*answer.DeletionID, "")
		require.Equal(t, 1, receipt.Conversations)
		require.NotNil(t, receipt.ReclaimedAt)
	})
}

// When the service stops, a delete that waits for its storage is answered. The delete is
// done, and its receipt is not settled yet.
func TestAStopAnswersADeleteThatWaits(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		id := s.Upload(t, "x", "the snarkfeld is here")
		s.Ready(t, id)
		reading := db.Open(t)
		require.NoError(t, reading.Snapshot(t.Context(), func(v *store.View) error { // the open snapshot blocks the reclaim
			_, err := v.Count(1)
			require.NoError(t, err)
			answers := make(chan reply, 1)
			go func() { answers <- send(t, s, "DELETE", chats, `{"ids":["`+id+`"],"wait":true}`) }()
			apptest.Await(t, "the delete", func(context.Context) (bool, error) {
				left, err := reading.Unreclaimed(t.Context())
				return left.Deletes == 1, err
			})
			s.Interrupt()
			got := <-answers
			require.Equal(t, 200, got.status, got.body)
			require.Contains(t, got.body, id)
			require.NotContains(t, got.body, `"reclaimedAt":"`)
			return nil
		}))
	})
}

func TestEveryDeleteHasOneReceipt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		one, two := s.Upload(t, "one", "the snarkfeld"), s.Upload(t, "two", "the snarkfeld")
		s.Ready(t, one, two)
		plain := send(t, s, "DELETE", chats, `{"ids":["`+one+`"]}`)
		require.JSONEq(t, `{"deleted":["`+one+`"],"count":1}`, plain.body, "the answer has no fields that were not requested")
		answered[api.DeleteAnswer](t, s, "DELETE", chats, `{"ids":["`+one+`"]}`)
		answered[api.DeleteAnswer](t, s, "POST", chatsDelete, `{"ids":["`+two+`","`+one+`"]}`)
		list := answered[api.DeletionList](t, s, "GET", "/api/chat-history/deletions", "")
		require.Equal(t, 2, list.Total)
		require.False(t, list.Items[0].DeletedAt.Before(list.Items[1].DeletedAt.Time), "newest first")
		for _, receipt := range list.Items {
			require.Equal(t, 1, receipt.Conversations)
			require.Equal(t, 1, receipt.Messages)
			one := answered[api.Deletion](t, s, "GET", "/api/chat-history/deletions/"+receipt.ID, "")
			one.ReclaimedAt, receipt.ReclaimedAt = nil, nil // the storage may be reclaimed between the two answers
			require.Equal(t, receipt, one)
		}
		require.Equal(t, 404, send(t, s, "GET", "/api/chat-history/deletions/nobody", "").status)
	})
}

func TestWhatWasExcludedDoesNotComeBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		plain, excluded := s.Upload(t, "plain", "the snarkfeld"), s.Upload(t, "excluded", "the snarkfeld")
		s.Ready(t, plain, excluded)
		answered[api.DeleteAnswer](t, s, "DELETE", chats, `{"ids":["`+plain+`"]}`)
		answered[api.DeleteAnswer](t, s, "DELETE", chats, `{"ids":["`+excluded+`"],"exclude":true}`)

		const upload = "/api/chat-history/ingest/custom-online"
		body := func(id string) string {
			return `{"conversation":{"id":"` + id + `","messages":[{"role":"human","content":"the snarkfeld"}]}}`
		}
		refused := answered[api.UploadAnswer](t, s, "POST", upload, body("excluded"))
		require.False(t, refused.Queued)
		require.Equal(t, api.UploadStatusExcluded, refused.Conversation.Status)
		require.Empty(t, refused.ConversationID)
		back := answered[api.UploadAnswer](t, s, "POST", upload, body("plain"))
		require.True(t, back.Queued)
		require.NotEqual(t, plain, back.ConversationID)
		s.Ready(t, back.ConversationID)
		require.Equal(t, []string{back.ConversationID}, s.Finds(t, "snarkfeld"))
		require.Empty(t, db.Damage(t))
	})
}

// The record of an import is deleted with its conversation, also if the import only sent
// it again. The name of a platform is deleted with its last conversation.
func TestADeleteTakesImportsAndPlatformNames(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		upload := func(text string) string {
			body := `{"platform":"snark","platformDisplayName":"The Snarkfeld","conversation":{"id":"x","messages":[{"id":"m","role":"human","content":"` + text + `"}]}}`
			return answered[api.UploadAnswer](t, s, "POST", "/api/chat-history/ingest/custom-online", body).ConversationID
		}
		id := upload("first")
		require.Equal(t, id, upload("second"))
		require.Equal(t, 2, answered[api.ImportList](t, s, "GET", "/api/chat-history/imports", "").Total)
		answered[api.DeleteAnswer](t, s, "DELETE", chats, `{"ids":["`+id+`"]}`)
		require.Zero(t, answered[api.ImportList](t, s, "GET", "/api/chat-history/imports", "").Total)
		require.Empty(t, db.Mentions(t, "Snarkfeld"))
	})
}
