package server_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

const (
	deleteMessages     = "/api/chat-history/messages"
	deleteMessagesPost = "/api/chat-history/messages/delete"
)

func TestDeletingMessages(t *testing.T) {
	s := start(t, server.Options{})
	u := api.UploadRequest{Conversation: api.UploadedChat{ID: "x", Messages: []api.UploadedMessage{
		{Role: "human", Content: "my password is hunter2"}, {Role: "assistant", Content: "noted"}, {Role: "human", Content: "and the boiler?"},
	}}}
	made, err := s.Client.Upload(t.Context(), u)
	require.NoError(t, err)
	_, err = s.Client.AwaitImport(t.Context(), made.ImportID) // a passage of a queued conversation is not counted
	require.NoError(t, err)
	whole, err := s.Client.Messages(t.Context(), made.ConversationID, 0, 10)
	require.NoError(t, err)
	request := api.DeleteMessagesRequest{ConversationID: made.ConversationID, MessageIDs: []string{whole.Items[0].ID, whole.Items[0].ID, "nonsense"}}

	request.DryRun = new(true)
	would, err := s.Client.DeleteMessages(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, api.DeleteMessagesAnswer{Deleted: []string{}, Count: 1, DryRun: true, Passages: new(1), TitleChanges: new(true)}, would)

	request.DryRun, request.Wait = nil, new(true)
	did, err := s.Client.DeleteMessages(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, []string{whole.Items[0].ID}, did.Deleted)
	require.NotNil(t, did.ReclaimedAt)
	receipt, err := s.Client.Deletion(t.Context(), *did.DeletionID)
	require.NoError(t, err)
	require.Equal(t, api.DeletionKindMessages, receipt.Kind)
	require.Equal(t, []int{0, 1}, []int{receipt.Conversations, receipt.Messages})

	_, err = s.Client.Upload(t.Context(), u)
	require.NoError(t, err)
	after, err := s.Client.Messages(t.Context(), made.ConversationID, 0, 10)
	require.NoError(t, err)
	require.Len(t, after.Items, 2)
	require.Equal(t, "and the boiler?", after.Conversation.Title)

	none, err := s.Client.DeleteMessages(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, api.DeleteMessagesAnswer{Deleted: []string{}}, none, "a second time there is nothing to delete")
	answer := s.call(t, http.MethodPost, deleteMessagesPost, `{"conversationId":"`+made.ConversationID+`","messageIds":["`+after.Items[0].ID+`","`+after.Items[1].ID+`"]}`)
	require.Equal(t, http.StatusOK, answer.status, answer.body)
	require.Contains(t, answer.body, `"conversationDeleted":true`)
	_, err = s.Client.Get(t.Context(), made.ConversationID)
	require.True(t, client.IsNotFound(err), "%v", err)
	again, err := s.Client.Upload(t.Context(), u)
	require.NoError(t, err)
	require.False(t, again.Queued)
	require.Equal(t, api.UploadStatusDeleted, again.Conversation.Status)

	lifted, err := s.Client.LiftExclusions(t.Context(), api.LiftRequest{PlatformConversationIDs: []string{"x"}})
	require.NoError(t, err)
	require.Equal(t, api.LiftAnswer{LiftedMessages: 3}, lifted)
	again, err = s.Client.Upload(t.Context(), u)
	require.NoError(t, err)
	require.Equal(t, 3, again.Conversation.MessageCount)
}

// A request to delete messages that is not understood deletes nothing.
func TestDeletesOfMessagesAreReadStrictly(t *testing.T) {
	s := start(t, server.Options{})
	id := s.upload(t, "kept", "hello")
	whole, err := s.Client.Messages(t.Context(), id, 0, 10)
	require.NoError(t, err)
	m := `"` + whole.Items[0].ID + `"`
	for _, body := range []string{
		"", "null", "{}", `{"conversationId":"` + id + `"}`, `{"messageIds":[` + m + `]}`, `{"conversationId":"` + id + `","messageIds":null}`,
		`{"conversationId":"` + id + `","messageIds":[` + m + `],"dryrun":true}`, `{"conversationId":"` + id + `","messageIds":[` + m + `],"dryRun":null}`,
		`{"conversationId":"` + id + `","messageIds":` + m + `}`, `{"conversationId":"` + id + `","messageIds":[` + m + `],"exclude":false}`,
	} {
		for _, call := range [][2]string{{http.MethodDelete, deleteMessages}, {http.MethodPost, deleteMessagesPost}} {
			answer := s.call(t, call[0], call[1], body)
			require.Equal(t, http.StatusBadRequest, answer.status, "%s %s: %s", call[0], body, answer.body)
		}
	}
	lost := s.call(t, http.MethodDelete, deleteMessages, "")
	require.Contains(t, lost.says(t), deleteMessagesPost)
	after, err := s.Client.Messages(t.Context(), id, 0, 10)
	require.NoError(t, err)
	require.Equal(t, whole.Items, after.Items)
}
