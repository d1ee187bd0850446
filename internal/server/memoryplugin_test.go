package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

const uploadPath = "/api/chat-history/ingest/custom-online"

func day(y, m, d, hour int) *api.Time {
	t := api.NewTime(time.Date(y, time.Month(m), d, hour, 0, 0, 0, time.UTC))
	return &t
}

func TestUploadAnswersAsDocumented(t *testing.T) {
	s := start(t, server.Options{})
	body := `{"platform":"my-notes","platformDisplayName":"My notes","conversation":{"id":"trip-1","title":"Lisbon",
		"createdAt":"2026-03-01T09:30:00Z","updatedAt":"2026-03-01T09:30:20.123456Z","messages":[
		{"id":"m1","role":"user","content":"Plan it","createdAt":"2026-03-01"},{"role":"model","content":""}]}}`
	answer := s.call(t, http.MethodPost, uploadPath, body)
	require.Equal(t, http.StatusOK, answer.status, answer.body)
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(answer.body), &got))
	require.Equal(t, true, got["queued"])
	require.Equal(t, "my-notes", got["platform"])
	require.Equal(t, map[string]any{
		"id": got["conversationId"], "platformConversationId": "trip-1", "title": "Lisbon",
		"updatedAt": "2026-03-01T09:30:20.123Z", "messageCount": 2.0, "status": "queued",
	}, got["conversation"])

	done, err := s.Client.AwaitImport(t.Context(), got["importId"].(string))
	require.NoError(t, err)
	require.Equal(t, api.ImportStatusReady, done.Status)
	require.Nil(t, done.Error)
	require.Equal(t, 2, done.Messages)

	again := s.call(t, http.MethodPost, uploadPath, body)
	var second api.UploadAnswer
	require.NoError(t, json.Unmarshal([]byte(again.body), &second))
	require.Equal(t, got["conversationId"], second.ConversationID)
	require.Equal(t, api.UploadStatusReady, second.Conversation.Status, "an unchanged conversation is not queued")
	require.True(t, second.Queued)
}

func TestUploadRefusesAndStoresNothing(t *testing.T) {
	s := start(t, server.Options{})
	message := `{"role":"human","content":"a"}`
	in := func(conversation string) string { return `{"conversation":{` + conversation + `}}` }
	for body, want := range map[string]string{
		"":                                 "a JSON body is required",
		"{}":                               "conversation is required",
		`{"conversation":null}`:            "conversation must be an object, not null",
		in(`"messages":[` + message + `]`): "conversation.id is required",
		in(`"id":"","messages":[` + message + `]`):                                 "conversation.id",
		in(`"id":7,"messages":[` + message + `]`):                                  "conversation.id must be a string",
		in(`"id":"` + strings.Repeat("ü", 513) + `","messages":[` + message + `]`): "512",
		in(`"id":"c"`):                               "conversation.messages is required",
		in(`"id":"c","messages":[]`):                 "at least one message",
		in(`"id":"c","messages":null`):               "conversation.messages must be an array, not null",
		in(`"id":"c","messages":[{"role":"human"}]`): "conversation.messages[0].content is required",
		in(`"id":"c","messages":[{"content":"a"}]`):  "conversation.messages[0].role is required",
		in(`"id":"c","messages":[` + message + `,{"role":"robot","content":"a"}]`):  "conversation.messages[1].role",
		in(`"id":"c","messages":[` + message + `,{"role":"human","content":null}]`): "conversation.messages[1].content must be a string, not null",
		in(`"id":"c","title":1,"messages":[` + message + `]`):                       "conversation.title must be a string",
		in(`"id":"c","createdAt":"soon","messages":[` + message + `]`):              "conversation.createdAt must be an ISO 8601",
		in(`"id":"c","createdAt":"0099-01-01","messages":[` + message + `]`):        "conversation.createdAt",
		`{"platform":"a b","conversation":{"id":"c","messages":[` + message + `]}}`: "platform must be",
	} {
		answer := s.call(t, http.MethodPost, uploadPath, body)
		require.Equal(t, http.StatusBadRequest, answer.status, body)
		require.Contains(t, answer.says(t), want)
	}
	count, err := s.Client.Count(t.Context())
	require.NoError(t, err)
	require.Zero(t, count)
	imports, err := s.Client.Imports(t.Context(), 0, 0)
	require.NoError(t, err)
	require.Empty(t, imports.Items)
}

func TestListFiltersAndPages(t *testing.T) {
	s := start(t, server.Options{})
	ctx := t.Context()
	for i, platform := range []string{"chatgpt", "claude", "chatgpt"} {
		_, err := s.Client.Upload(ctx, api.UploadRequest{Platform: &platform, Conversation: api.UploadedChat{
			ID: fmt.Sprint(i), Title: new(fmt.Sprintf("Trip No. %d", i)),
			CreatedAt: day(2026, 1, 10+i, 23), UpdatedAt: day(2026, 2, 10+i, 0),
			Messages: []api.UploadedMessage{{Role: "human", Content: "hello"}},
		}})
		require.NoError(t, err)
	}
	all, err := s.Client.List(ctx, client.ListOptions{})
	require.NoError(t, err)
	require.Len(t, all.Items, 3)
	_, err = s.Client.Edit(ctx, api.EditRequest{ConversationID: all.Items[2].ID, Pinned: new(true)})
	require.NoError(t, err)

	imports, err := s.Client.Imports(ctx, 0, 0)
	require.NoError(t, err)
	tests := map[string]string{ // query to the numbers in the titles, newest first
		"":                                      "2 1 0",
		"provider=all":                          "2 1 0",
		"provider=":                             "2 1 0",
		"provider=chatgpt":                      "2 0",
		"provider=CHATGPT":                      "",
		"title=tRIP":                            "2 1 0",
		"title=no.%201":                         "1",
		"title=%25":                             "",
		"pinnedOnly=true":                       "0",
		"pinnedOnly=false":                      "2 1 0",
		"dateFrom=2026-01-11":                   "2 1",
		"dateTo=2026-01-11":                     "1 0",
		"dateTo=2026-01-10":                     "0",
		"dateFrom=2026-01-11&dateTo=2026-01-11": "1",
		"dateTo=2026-01-11T23:00:00Z":           "1 0",
		"dateTo=2026-01-11T22:59:59Z":           "0",
		"dateTo=2026-01-12T00:30:00%2B01:30":    "1 0",
		"dateFrom=2027-01-01":                   "",
		"pageSize=2":                            "2 1",
		"pageSize=2&page=2":                     "0",
		"pageSize=2&page=3":                     "",
		"page=99999999999999999999999&pageSize=99999999999999999999999": "",
		"importId=" + imports.Items[0].ID:                               "2",
		"importId=" + strings.ToUpper(imports.Items[0].ID):              "2",
		"importId=nonsense":                                             "",
	}
	for query, want := range tests {
		t.Run(query, func(t *testing.T) {
			answer := s.call(t, http.MethodGet, "/api/chat-history/chats?"+query, "")
			require.Equal(t, http.StatusOK, answer.status, answer.body)
			var list api.ConversationList
			require.NoError(t, json.Unmarshal([]byte(answer.body), &list))
			var got []string
			for _, item := range list.Items {
				got = append(got, strings.TrimPrefix(item.Title, "Trip No. "))
			}
			require.Equal(t, want, strings.Join(got, " "))
			require.NotContains(t, answer.body, `"items":null`)
			require.LessOrEqual(t, list.PageSize, 100)
		})
	}
	for query, want := range map[string]string{
		"page=0": "page must be at least 1", "page=-99999999999999999999": "page must be at least 1", "page=one": "page must be a whole number",
		"page=1.5": "page must be a whole number", "pageSize=0": "pageSize must be at least 1", "pageSize=%20": "pageSize must be a whole number",
		"pinnedOnly=yes": "pinnedOnly must be true or false", "dateFrom=yesterday": "dateFrom must be an ISO 8601", "dateTo=2026-13-01": "dateTo must be an ISO 8601",
		"page=1&page=2": "page",
	} {
		answer := s.call(t, http.MethodGet, "/api/chat-history/chats?"+query, "")
		require.Equal(t, http.StatusBadRequest, answer.status, query)
		require.Contains(t, answer.says(t), want)
	}

	var seen []string
	for item, err := range s.Client.All(ctx, client.ListOptions{PageSize: 2}) {
		require.NoError(t, err)
		seen = append(seen, item.Title)
	}
	require.Equal(t, []string{"Trip No. 2", "Trip No. 1", "Trip No. 0"}, seen)
}

func TestGetConversation(t *testing.T) {
	s := start(t, server.Options{})
	_, err := s.Client.Upload(t.Context(), api.UploadRequest{Platform: new("claude"), Conversation: api.UploadedChat{ID: "ext", Title: new("T"), Messages: []api.UploadedMessage{
		{Role: "user", Content: "a", CreatedAt: day(2026, 3, 1, 9)}, {Role: "ai", Content: ""}, {Role: "system", Content: "c"},
	}}})
	require.NoError(t, err)
	list, err := s.Client.List(t.Context(), client.ListOptions{})
	require.NoError(t, err)
	id := list.Items[0].ID
	path := "/api/chat-history/conversation?conversationId=" + id

	answer := s.call(t, http.MethodGet, path, "")
	require.Equal(t, http.StatusOK, answer.status)
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(answer.body), &got))
	delete(got, "tokenCount")
	require.Equal(t, map[string]any{
		"id": id, "title": "T", "total": 3.0, "platformConversationId": "ext", "sourceId": "claude",
		"messages": []any{
			map[string]any{"message_index": 0.0, "sender": "human", "text": "a", "timestamp": "2026-03-01T09:00:00.000Z"},
			map[string]any{"message_index": 1.0, "sender": "assistant", "text": "", "timestamp": "2026-03-01T09:00:00.000Z", "timeInferred": true},
			map[string]any{"message_index": 2.0, "sender": "system", "text": "c", "timestamp": "2026-03-01T09:00:00.000Z", "timeInferred": true},
		},
	}, got)
	require.Contains(t, s.call(t, http.MethodGet, path+"&senderStyle=user", "").body, `"sender":"user"`)
	require.Contains(t, s.call(t, http.MethodGet, path+"&senderStyle=human", "").body, `"sender":"human"`)
	require.Equal(t, http.StatusBadRequest, s.call(t, http.MethodGet, path+"&senderStyle=robot", "").status)

	for _, unknown := range []string{chat.NewID(), "nonsense", s.foreign(t)} {
		answer := s.call(t, http.MethodGet, "/api/chat-history/conversation?conversationId="+url.QueryEscape(unknown), "")
		require.Equal(t, http.StatusNotFound, answer.status)
		require.JSONEq(t, `{"error":"Conversation not found"}`, answer.body)
	}
	for _, query := range []string{"", "?conversationId="} {
		answer := s.call(t, http.MethodGet, "/api/chat-history/conversation"+query, "")
		require.Equal(t, http.StatusBadRequest, answer.status)
		require.Equal(t, "conversationId is required", answer.says(t))
	}
}

func TestEditConversation(t *testing.T) {
	s := start(t, server.Options{})
	id := s.upload(t, "a", "hello")
	edited, err := s.Client.Edit(t.Context(), api.EditRequest{ConversationID: id, Title: new(" two\nlines "), Pinned: new(true)})
	require.NoError(t, err)
	require.Equal(t, "two lines", edited.Title)
	require.True(t, edited.Pinned)
	edited, err = s.Client.Edit(t.Context(), api.EditRequest{ConversationID: id, Pinned: new(false)})
	require.NoError(t, err)
	require.Equal(t, "two lines", edited.Title)
	require.False(t, edited.Pinned)

	for body, want := range map[string]int{
		`{"conversationId":"` + id + `"}`:                         400,
		`{"pinned":true}`:                                         400,
		`{"conversationId":"` + id + `","title":" "}`:             400,
		`{"conversationId":"` + id + `","title":null}`:            400,
		`{"conversationId":"` + id + `","pinned":"true"}`:         400,
		`{"conversationId":"nonsense","pinned":true}`:             404,
		`{"conversationId":"` + s.foreign(t) + `","pinned":true}`: 404,
	} {
		require.Equal(t, want, s.call(t, http.MethodPatch, "/api/chat-history/conversation", body).status, body)
	}
}

func TestImportsAndStats(t *testing.T) {
	s := start(t, server.Options{})
	ctx := t.Context()
	empty, err := s.Client.Stats(ctx)
	require.NoError(t, err)
	require.Equal(t, api.Stats{Platforms: []api.PlatformStats{}, Months: []api.MonthStats{}, VectorSearch: api.StatsVectorSearchExact, Embedding: api.EmbeddingStats{Model: embed.NewHash().Model().ID}}, empty)

	for i := range 3 {
		up, err := s.Client.Upload(ctx, api.UploadRequest{PlatformDisplayName: new("Mine"), Conversation: api.UploadedChat{
			ID: fmt.Sprint(i), CreatedAt: day(2026, 1+i, 1, 0), Messages: []api.UploadedMessage{{Role: "human", Content: "a tram to Alfama"}},
		}})
		require.NoError(t, err)
		done, err := s.Client.AwaitImport(ctx, up.ImportID)
		require.NoError(t, err)
		require.Equal(t, api.ImportStatusReady, done.Status)
	}
	page, err := s.Client.Imports(ctx, 2, 2)
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	require.Equal(t, []int{2, 2, 3, 2}, []int{page.Page, page.PageSize, page.Total, page.TotalPages})

	stats, err := s.Client.Stats(ctx)
	require.NoError(t, err)
	require.Equal(t, 3, stats.Conversations)
	require.Len(t, stats.Months, 3)
	require.Equal(t, "Mine", *stats.Platforms[0].DisplayName)
	require.Equal(t, api.Backlog{}, stats.Backlog)

	for _, unknown := range []string{chat.NewID(), "nonsense"} {
		answer := s.call(t, http.MethodGet, "/api/chat-history/imports/"+unknown, "")
		require.Equal(t, http.StatusNotFound, answer.status)
		require.JSONEq(t, `{"error":"Import not found"}`, answer.body)
	}
	foreign := s.NewClient(t, s.NewKey(t, "another", auth.Read))
	_, err = foreign.Import(ctx, page.Items[0].ID)
	require.True(t, client.IsNotFound(err))
}

// The operator sets the limit of tokens; without one, a conversation of any length is
// indexed.
func TestAVeryLongConversationIsIndexed(t *testing.T) {
	s := start(t, server.Options{})
	up, err := s.Client.Upload(t.Context(), api.UploadRequest{Conversation: api.UploadedChat{
		ID: "huge", Messages: []api.UploadedMessage{{Role: "human", Content: strings.Repeat("tram ", 100_001)}},
	}})
	require.NoError(t, err)
	require.Equal(t, api.UploadStatusQueued, up.Conversation.Status)
	done, err := s.Client.AwaitImport(t.Context(), up.ImportID)
	require.NoError(t, err)
	require.Equal(t, api.ImportStatusReady, done.Status)
	list, err := s.Client.List(t.Context(), client.ListOptions{})
	require.NoError(t, err)
	require.Greater(t, list.Items[0].TokenCount, 100_000)
}

// Clients of chat APIs test for the word user. A request decides before the key, and the key
// before the service.
func TestTheSenderIsNamedAsTheCallerWants(t *testing.T) {
	for _, c := range []struct {
		service, key  auth.SenderStyle
		request, want string
	}{
		{"", "", "", "human"}, {"user", "", "", "user"}, {"user", "human", "", "human"}, {"human", "user", "", "user"},
		{"human", "user", "human", "human"}, {"human", "human", "user", "user"},
	} {
		s := start(t, server.Options{SenderStyle: c.service})
		up, err := s.Client.Upload(t.Context(), api.UploadRequest{Conversation: api.UploadedChat{
			ID: "x", Messages: []api.UploadedMessage{{Role: "human", Content: "the flowerpot is mine"}},
		}})
		require.NoError(t, err)
		_, err = s.Client.AwaitImport(t.Context(), up.ImportID)
		require.NoError(t, err)
		id := up.ConversationID
		_, token, err := s.Administration(t).CreateKey(t.Context(), "default", "k", []auth.Scope{auth.Read}, history.WithSenderStyle(c.key))
		require.NoError(t, err)
		s.Key = token
		asked := "/api/chat-history/conversation?conversationId=" + id
		if c.request != "" {
			asked += "&senderStyle=" + c.request
		}
		require.Contains(t, s.call(t, http.MethodGet, asked, "").body, `"sender":"`+c.want+`"`, "%+v", c)
		if c.request == "" {
			answer := s.call(t, http.MethodPost, searchPath, `{"query":"flowerpot","mode":"keyword"}`)
			require.Contains(t, answer.body, `"sender":"`+c.want+`"`, "%+v", c)
		}
	}
}

func TestAKeyIsCreatedWithASenderStyle(t *testing.T) {
	s := start(t, server.Options{})
	made := s.call(t, http.MethodPost, "/api/keys", `{"name":"plugin","workspace":"default","scopes":["read"],"senderStyle":"user"}`)
	require.Equal(t, http.StatusOK, made.status, made.body)
	require.Contains(t, s.call(t, http.MethodGet, "/api/keys", "").body, `"senderStyle":"user"`)
	refused := s.call(t, http.MethodPost, "/api/keys", `{"name":"plugin","workspace":"default","scopes":["read"],"senderStyle":"robot"}`)
	require.Equal(t, http.StatusBadRequest, refused.status)
	require.Contains(t, refused.says(t), "human or user")
}
