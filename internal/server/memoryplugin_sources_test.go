package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

const sourcedUpload = `{"platform":"claude","conversation":{"id":"x","title":"T","archived":true,"starred":false,"project":"Trips","link":"https://claude.ai/chat/1",
	"createdAt":"2026-03-01T00:00:00Z","updatedAt":"2026-03-01T00:00:00Z","pinned":true,"marked":true,"messages":[
	{"role":"human","content":"question","createdAt":"2026-03-01T00:00:00Z","files":["map.png"]},
	{"role":"assistant","content":"thinking","createdAt":"2026-03-01T00:00:00Z","hidden":true,"timeInferred":true},
	{"role":"assistant","content":"other","createdAt":"2026-03-01T00:00:00Z","branch":"b"}]}}`

// Properties from a source are accepted, shown, exported and imported.
func TestWhatASourceTellsGoesInAndOut(t *testing.T) {
	s := start(t, server.Options{})
	const upload = "/api/chat-history/ingest/custom-online"
	require.Equal(t, http.StatusOK, s.call(t, http.MethodPost, upload, sourcedUpload).status)
	plain := s.upload(t, "plain", "hello")
	found := s.call(t, http.MethodGet, "/api/chat-history/chats?platform=claude", "")
	require.Contains(t, found.body, `"archived":true`)
	require.Contains(t, found.body, `"starred":false`)
	require.Contains(t, found.body, `"project":"Trips"`)
	require.Contains(t, found.body, `"link":"https://claude.ai/chat/1"`)
	list, err := s.Client.List(t.Context(), client.ListOptions{Project: "Trips", Archived: new(true), Starred: new(false)})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	one, err := s.Client.Get(t.Context(), list.Items[0].ID)
	require.NoError(t, err)
	require.Equal(t, []any{"Trips", "https://claude.ai/chat/1", true, false}, []any{*one.Project, *one.Link, *one.Archived, *one.Starred})
	require.Equal(t, []string{"map.png"}, one.Messages[0].Files)
	require.True(t, *one.Messages[1].Hidden && *one.Messages[1].TimeInferred)
	require.Equal(t, "b", *one.Messages[2].Branch)

	other := s.call(t, http.MethodGet, "/api/chat-history/conversation?conversationId="+plain, "")
	for _, absent := range []string{"archived", "starred", "project", "link", "files", "branch", "hidden"} {
		require.NotContains(t, other.body, absent, "the answers without them are the vendor's")
	}

	var before, after strings.Builder
	require.NoError(t, s.Client.Export(t.Context(), client.ListOptions{}, &before))
	_, err = s.Client.Delete(t.Context(), one.ID, plain)
	require.NoError(t, err)
	answer, err := s.Client.ImportFile(t.Context(), strings.NewReader(before.String()), true)
	require.NoError(t, err)
	require.Equal(t, 2, answer.Conversations)
	require.NoError(t, s.Client.Export(t.Context(), client.ListOptions{}, &after))
	require.Equal(t, before.String(), after.String())

	refused := s.call(t, http.MethodPost, upload, strings.Replace(sourcedUpload, "https://claude.ai/chat/1", "javascript:alert(1)", 1))
	require.Equal(t, http.StatusBadRequest, refused.status)
	require.Contains(t, refused.says(t), "conversation.link must be an http or https address")
	answer, err = s.Client.ImportFile(t.Context(), strings.NewReader(strings.ReplaceAll(strings.NewReplacer("\n", "", "\t", "", `"x"`, `"y"`, "https:", "javascript:").Replace(sourcedUpload), "\n", "")), false)
	require.NoError(t, err)
	require.Equal(t, []int{1, 0}, []int{answer.Conversations, answer.Failed})
	require.Contains(t, answer.Problems[0].Reason, "its link is no http or https address")
}

// The filters of sources select the same in the list, the search, the export and the delete.
func TestFiltersOfSources(t *testing.T) {
	s := start(t, server.Options{})
	for _, id := range []string{"x", "y"} {
		require.Equal(t, http.StatusOK, s.call(t, http.MethodPost, "/api/chat-history/ingest/custom-online",
			strings.NewReplacer(`"x"`, `"`+id+`"`, `"pinned":true`, `"pinned":false`).Replace(sourcedUpload)).status)
	}
	s.upload(t, "plain", "question")
	imports, err := s.Client.Imports(t.Context(), 1, 10)
	require.NoError(t, err)
	for _, i := range imports.Items {
		done, err := s.Client.AwaitImport(t.Context(), i.ID)
		require.NoError(t, err)
		require.Equal(t, api.ImportStatusReady, done.Status)
	}
	for query, want := range map[string]int{
		"archived=true": 2, "archived=false": 1, "starred=true": 0, "starred=0": 3, "project=Trips": 2, "project=trips": 0, "archived=&project=": 3, "archived=true&project=Trips&starred=false": 2,
	} {
		list := s.call(t, http.MethodGet, "/api/chat-history/chats?"+query, "")
		require.Equal(t, want, strings.Count(list.body, `"platform"`), "%s: %s", query, list.body)
		export := s.call(t, http.MethodGet, "/api/chat-history/export?"+query, "")
		require.Equal(t, want, strings.Count(export.body, "\n"), query)
	}
	for body, want := range map[string]int{`"archived":true`: 2, `"archived":false`: 1, `"starred":true`: 0, `"starred":false`: 3, `"project":"Trips"`: 2, `"project":"x"`: 0} {
		search := s.call(t, http.MethodPost, "/api/chat-history/search", `{"query":"question","mode":"keyword",`+body+`}`)
		require.Equal(t, want, strings.Count(search.body, `"conversationId"`), "%s: %s", body, search.body)
	}
	require.Equal(t, http.StatusBadRequest, s.call(t, http.MethodGet, "/api/chat-history/chats?archived=perhaps", "").status)
	for body, want := range map[string]string{
		`{"archived":false}`:                   "selects nothing in particular",
		`{"starred":false,"archived":false}`:   "selects nothing in particular",
		`{"project":" "}`:                      "filter.project must not be blank",
		`{"archived":"true"}`:                  "filter.archived must be true or false",
		`{"archived":null,"project":"Trips"}`:  "filter.archived must be true or false, not null",
		`{"archive":true,"project":"Trips"}`:   "did you mean filter.archived?",
		`{"projects":"a","platform":"custom"}`: "did you mean filter.project?",
	} {
		answer := s.call(t, http.MethodPost, matching, `{"filter":`+body+`}`)
		require.Equal(t, http.StatusBadRequest, answer.status, body)
		require.Contains(t, answer.says(t), want, body)
	}
	for body, want := range map[string]string{
		`{"archived":true}`:                           `"count":2`,
		`{"archived":false,"platform":"custom"}`:      `"count":1`,
		`{"project":"Trips","starred":true}`:          `"count":0`,
		`{"project":"Trips","starred":false}`:         `"count":2`,
		`{"project":" Trips"}`:                        `"count":0`,
		`{"starred":false,"dateTo":"2026-03-01"}`:     `"count":2`,
		`{"provider":"all","project":"Trips\u0000 "}`: `"count":0`,
	} {
		answer := s.call(t, http.MethodPost, matching, `{"dryRun":true,"filter":`+body+`}`)
		require.Contains(t, answer.body, want, body)
	}
	answer := s.call(t, http.MethodPost, matching, `{"filter":{"archived":true}}`)
	require.Contains(t, answer.body, `"count":2`)
}
