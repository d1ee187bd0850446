package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// A broken rule is reported with the names of the fields that the caller sent.
func TestRulesAreReportedWithTheNamesOfTheFields(t *testing.T) {
	s := start(t, server.Options{})
	many := `"` + strings.Repeat(`a","`, 10_000) + `a"`
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"POST", "/api/chat-history/search", `{"query":" ","mode":"best"}`, 400, "query must not be blank; mode must be hybrid, semantic or keyword"},
		{"POST", "/api/chat-history/inject", `{"query":" "}`, 400, "query must not be blank (or give queries)"},
		{"POST", "/api/chat-history/inject", `{"queries":[{"query":"a"},{"query":" "},{"query":""}]}`, 400, "queries[1].query must not be blank; queries[2].query must not be blank"},
		{"DELETE", "/api/chat-history/chats", `{"ids":[]}`, 400, "ids must name at least one conversation"},
		{"DELETE", "/api/chat-history/chats", `{"ids":[` + many + `]}`, 400, "ids must name at most 10000 conversations, got 10001; delete the rest in another request"},
		{"POST", "/api/chat-history/chats/delete-unchanged", `{"conversations":[]}`, 400, "conversations must name at least one conversation"},
		{"DELETE", "/api/chat-history/messages", `{"conversationId":"a","messageIds":[]}`, 400, "messageIds must name at least one message"},
		{"DELETE", "/api/chat-history/messages", `{"conversationId":"a","messageIds":["a"]}`, 404, "Conversation not found"},
		{"POST", "/api/chat-history/messages/delete", `{"conversationId":"a","messageIds":[` + many + `]}`, 400, "messageIds must name at most 1000 messages, got 10001; delete the rest in another request"},
		{"POST", "/api/chat-history/exclusions/lift", `{}`, 400, "ids or platformConversationIds must name at least one conversation"},
		{"POST", "/api/chat-history/search", `{"query":"a","limit":0,"contextChunks":-1,"dateTo":"soon","provider":"a","platform":"b"}`, 400,
			"provider and platform are two names of the same filter, and here they differ; limit must be at least 1; contextChunks must be at least 0; " + notATime("dateTo")},
		{"POST", "/api/chat-history/inject", `{"query":"a","maxTokens":0,"conversationHistory":[{"role":"bot","content":""}]}`, 400,
			"maxTokens must be at least 1; conversationHistory[0].role must be human, assistant, system or tool"},
		{"GET", "/api/chat-history/chats?page=x&pageSize=0&pinned=maybe", "", 400,
			"page must be a whole number; pageSize must be at least 1; pinned must be true or false"},
		{"GET", "/v2/hc-interactions/public?limit=x&direction=up", "", 400, "limit must be a whole number; direction must be next (older) or previous (newer)"},
		{"PATCH", "/api/chat-history/conversation", `{"conversationId":"a"}`, 400, "nothing to change: give title, pinned or both"},
		{"GET", "/v2/hc-interactions/public?since=2&until=1", "", 400, "since must be before until"},
		{"GET", "/v2/hc-interactions/public?cursor=x", "", 400, "cursor must be the id of a conversation; take the next or the previous cursor of a page"},
		{"DELETE", "/v2/hc-interactions/public", `{"ids":["x","y"]}`, 400, "ids[0] is not a UUID; ids[1] is not a UUID"},
		{"GET", "/api/chat-history/conversation?conversationId=" + chat.NewID(), "", 404, "Conversation not found"},
		{"GET", "/api/chat-history/imports/" + chat.NewID(), "", 404, "Import not found"},
		{"GET", "/api/chat-history/deletions/" + chat.NewID(), "", 404, "Deletion not found"},
		{"GET", "/v2/hc-interactions/" + chat.NewID() + "/public", "", 404, "Conversation not found"},
	} {
		answer := s.call(t, c.method, c.path, c.body)
		require.Equal(t, c.status, answer.status, c.path)
		require.Equal(t, c.says, answer.says(t), c.path)
	}
	require.Equal(t, http.StatusOK, s.get(t, "/healthz").status)
}

// notATime is the error about a field that is not a time.
func notATime(field string) string {
	_, _, err := api.ParseTime("soon")
	return field + " " + err.Error()
}

// A key without scope read gets no stored title from any route.
func TestAWriteOnlyKeyGetsNoTitle(t *testing.T) {
	s := start(t, server.Options{})
	body := func(title string) string {
		return `{"conversation":{"id":"c",` + title + `"messages":[{"role":"human","content":"hello"}]}}`
	}
	require.Equal(t, http.StatusOK, s.call(t, "POST", uploadPath, body(`"title":"Divorce lawyer",`)).status)
	page, err := s.Client.List(t.Context(), client.ListOptions{})
	require.NoError(t, err)
	writer := map[string]string{"Authorization": "Bearer " + s.NewKey(t, "default", auth.Write)}
	for _, ask := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", uploadPath, body(""), 200},
		{"PATCH", "/api/chat-history/conversation", `{"conversationId":"` + page.Items[0].ID + `","pinned":true}`, 200},
		{"POST", "/api/chat-history/chats/delete-matching", `{"filter":{"title":"divorce"},"dryRun":true}`, 403},
		{"POST", "/api/chat-history/chats/delete-matching", `{"filter":{"title":"wedding"}}`, 403},
		{"POST", "/api/chat-history/chats/delete-matching", `{"all":true,"dryRun":true}`, 403},
	} {
		answer := s.send(t, ask.method, ask.path, ask.body, writer)
		require.Equal(t, ask.status, answer.status, ask.body)
		require.NotContains(t, answer.body, "Divorce", ask.body)
	}
}
