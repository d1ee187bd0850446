package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/pkg/api"
)

// answered decodes an answer that must be 200.
func answered[T any](t testing.TB, r reply) (answer T) {
	t.Helper()
	require.Equal(t, http.StatusOK, r.status, r.body)
	require.NoError(t, json.Unmarshal([]byte(r.body), &answer))
	return answer
}

// A conversation is stored, found in its container only, and deleted.
func TestDocumentsAreConversations(t *testing.T) {
	s := start(t, server.Options{})
	added := answered[api.DocumentConversationAdded](t, s.call(t, http.MethodPost, "/v4/conversations", `{"conversationId":"trip","containerTags":["user_1"],"metadata":{"a":1},
		"messages":[{"role":"user","content":"Where does the ferry leave?"},{"role":"assistant","content":[{"type":"text","text":"The ferry leaves"},{"type":"image"},{"type":"text","text":"from Cais do Sodre."}]}]}`))
	require.Equal(t, "trip", added.ConversationID)
	stored, err := s.Client.Get(t.Context(), added.ID)
	require.NoError(t, err)
	require.Equal(t, "user_1", stored.SourceID)
	require.Equal(t, "The ferry leaves\nfrom Cais do Sodre.", stored.Messages[1].Text)
	imports, err := s.Client.Imports(t.Context(), 0, 0)
	require.NoError(t, err)
	_, err = s.Client.AwaitImport(t.Context(), imports.Items[0].ID)
	require.NoError(t, err)

	document := answered[api.Document](t, s.call(t, http.MethodGet, "/v3/documents/"+added.ID, ""))
	require.Equal(t, api.DocumentStatusDone, document.Status)
	require.Equal(t, "trip", document.CustomID)
	require.Equal(t, []string{"user_1"}, document.ContainerTags)

	found := answered[api.DocumentsFound](t, s.call(t, http.MethodPost, "/v3/search", `{"q":"ferry Cais","containerTags":["user_1"]}`))
	require.Equal(t, 1, found.Total)
	require.Equal(t, added.ID, found.Results[0].DocumentID)
	require.Contains(t, found.Results[0].Chunks[0].Content, "ferry")
	said := answered[api.MemoriesFound](t, s.call(t, http.MethodPost, "/v4/search", `{"q":"ferry Cais","containerTag":"user_1","searchMode":"hybrid","include":{"documents":true}}`))
	require.NotEmpty(t, said.Results)
	require.Equal(t, added.ID, said.Results[0].Documents[0].ID)
	require.Empty(t, answered[api.MemoriesFound](t, s.call(t, http.MethodPost, "/v4/search", `{"q":"ferry Cais","containerTag":"user_2"}`)).Results)

	again := answered[api.DocumentConversationAdded](t, s.call(t, http.MethodPost, "/v4/conversations", `{"conversationId":"trip","containerTag":"user_1","messages":[{"role":"user","content":"Thanks"}]}`))
	require.Equal(t, added.ID, again.ID, "the same conversation")
	other := answered[api.DocumentConversationAdded](t, s.call(t, http.MethodPost, "/v4/conversations", `{"conversationId":"trip","containerTag":"user_2","messages":[{"role":"user","content":"Thanks"}]}`))
	require.NotEqual(t, added.ID, other.ID, "another container's conversation")

	require.Equal(t, http.StatusNoContent, s.call(t, http.MethodDelete, "/v3/documents/"+added.ID, "").status)
	gone := s.call(t, http.MethodDelete, "/v3/documents/"+added.ID, "")
	require.Equal(t, http.StatusNotFound, gone.status)
	require.JSONEq(t, `{"error":"Not Found","details":"Document not found"}`, gone.body)
	require.Empty(t, answered[api.DocumentsFound](t, s.call(t, http.MethodPost, "/v3/search", `{"q":"ferry Cais"}`)).Results)
}

// A text without an id is stored once, and texts with the same id are messages of one conversation.
func TestTextsAreConversations(t *testing.T) {
	s := start(t, server.Options{})
	add := func(body string) string {
		t.Helper()
		return answered[api.DocumentAdded](t, s.call(t, http.MethodPost, "/v3/documents", body)).ID
	}
	one := add(`{"content":"the ferry"}`)
	require.Equal(t, one, add(`{"content":"the ferry"}`))
	require.NotEqual(t, one, add(`{"content":"the ferry","containerTag":"user_1"}`))
	named := add(`{"content":"first","customId":"n"}`)
	require.Equal(t, named, add(`{"content":"second","customId":"n"}`))
	stored, err := s.Client.Get(t.Context(), named)
	require.NoError(t, err)
	require.Equal(t, 2, stored.Total)
}

// The ids that do not exist are listed, each as it was sent, and the others are deleted.
func TestABulkDeleteNamesWhatDoesNotExist(t *testing.T) {
	s := start(t, server.Options{})
	id, foreign := s.upload(t, "mine", "hello"), s.foreign(t)
	const unknown = "0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10"
	deleted := answered[api.DocumentsDeleted](t, s.call(t, http.MethodDelete, "/v3/documents/bulk", fmt.Sprintf(`{"ids":[%q,%q,%q,"no id"]}`, unknown, strings.ToUpper(id), foreign)))
	require.Equal(t, 1, deleted.DeletedCount)
	require.False(t, deleted.Success)
	require.Equal(t, []api.DocumentDeleteError{
		{ID: unknown, Error: "Document not found"}, {ID: foreign, Error: "Document not found"}, {ID: "no id", Error: "Document not found"},
	}, deleted.Errors)
	all := answered[api.DocumentsDeleted](t, s.call(t, http.MethodDelete, "/v3/documents/bulk", fmt.Sprintf(`{"ids":[%q]}`, s.upload(t, "next", "hello"))))
	require.True(t, all.Success)
	require.Empty(t, all.Errors)
}

// What is not understood is refused, in supermemory's envelope, and nothing is stored or deleted.
func TestDocumentsRefuse(t *testing.T) {
	s := start(t, server.Options{})
	id := s.upload(t, "kept", "hello")
	for _, test := range []struct{ method, path, body, says string }{
		{http.MethodDelete, "/v3/documents/bulk", `{"containerTags":["custom"]}`, "ids is required"},
		{http.MethodDelete, "/v3/documents/bulk", `{"ids":["` + id + `"],"containerTags":["custom"]}`, "delete-matching"},
		{http.MethodDelete, "/v3/documents/bulk", `{"ids":[]}`, "at least one"},
		{http.MethodDelete, "/v3/documents/bulk", `{"ids":["` + strings.Repeat(`a","`, 100) + id + `"]}`, "1 to 100 items, got 101"},
		{http.MethodDelete, "/v3/documents/bulk", `{"ids":["` + id + `"],"dryRun":true}`, "dryRun"},
		{http.MethodDelete, "/v3/documents/bulk", ``, "DELETE /v3/documents/{id}"},
		{http.MethodPost, "/v3/search", `{"q":"a","filters":{"AND":[]}}`, "filters"},
		{http.MethodPost, "/v4/search", `{"q":"a","filepath":"/a"}`, "filepath"},
		{http.MethodPost, "/v4/search", `{"q":" "}`, "q must not be blank"},
		{http.MethodPost, "/v3/search", `{"q":"a","containerTags":["a","b"]}`, "one item"},
		{http.MethodPost, "/v4/conversations", `{"conversationId":"a","messages":[{"role":"user","content":7}]}`, "messages[0].content"},
		{http.MethodPost, "/v4/conversations", `{"conversationId":"a","messages":[{"role":"nobody","content":"a"}]}`, "messages[0].role"},
		{http.MethodPost, "/v4/conversations", `{"conversationId":"a","containerTag":"a b","messages":[{"role":"user","content":"a"}]}`, "containerTag"},
	} {
		answer := s.call(t, test.method, test.path, test.body)
		require.Equal(t, http.StatusBadRequest, answer.status, "%s %s: %s", test.path, test.body, answer.body)
		require.Contains(t, answer.says(t), test.says, "%s %s", test.path, test.body)
	}
	for _, path := range []string{"/v3/settings", "/v4/profile", "/v3/documents/list/x", "/v4/nothing"} {
		answer := s.call(t, http.MethodPost, path, `{}`)
		require.Equal(t, http.StatusNotFound, answer.status, path)
		require.Contains(t, answer.says(t), "POST /v4/conversations", path)
	}
	read := s.NewKey(t, "default", auth.Read)
	answer := s.send(t, http.MethodDelete, "/v3/documents/"+id, "", map[string]string{"Authorization": "Bearer " + read})
	require.Equal(t, http.StatusForbidden, answer.status)
	count, err := s.Client.Count(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, count)
}
