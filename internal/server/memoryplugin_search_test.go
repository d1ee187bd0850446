package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/pkg/api"
)

const (
	searchPath = "/api/chat-history/search"
	recallPath = "/api/chat-history/inject"
)

// withTrip returns a service with one indexed conversation about a trip.
func withTrip(t *testing.T) (service, string) {
	t.Helper()
	s := start(t, server.Options{})
	up, err := s.Client.Upload(t.Context(), api.UploadRequest{Platform: new("claude"), Conversation: api.UploadedChat{
		ID: "trip", Title: new("Lisbon"), CreatedAt: day(2026, 3, 1, 9), Messages: []api.UploadedMessage{
			{Role: "human", Content: "Plan three days in Lisbon without a car."},
			{Role: "assistant", Content: "Day one: Alfama on foot, then tram 28 to Estrela."},
		},
	}})
	require.NoError(t, err)
	done, err := s.Client.AwaitImport(t.Context(), up.ImportID)
	require.NoError(t, err)
	require.Equal(t, api.ImportStatusReady, done.Status)
	return s, up.ConversationID
}

func TestSearch(t *testing.T) {
	s, id := withTrip(t)
	imports, err := s.Client.Imports(t.Context(), 0, 0)
	require.NoError(t, err)
	for body, results := range map[string]int{`{"query":"tram","importId":"` + imports.Items[0].ID + `"}`: 1, `{"query":"tram","pinned":true}`: 0} {
		answer := s.call(t, http.MethodPost, searchPath, body)
		var found api.SearchAnswer
		require.NoError(t, json.Unmarshal([]byte(answer.body), &found))
		require.Len(t, found.Results, results, body)
	}
	answer := s.call(t, http.MethodPost, searchPath, `{"query":"which tram to Estrela"}`)
	require.Equal(t, http.StatusOK, answer.status, answer.body)
	var found api.SearchAnswer
	require.NoError(t, json.Unmarshal([]byte(answer.body), &found))
	require.Equal(t, "which tram to Estrela", found.Query)
	require.Equal(t, "all", found.Provider)
	require.Equal(t, api.SearchModeHybrid, found.Mode)
	require.Positive(t, found.ProcessingTime)
	require.Equal(t, len(found.Results), found.TotalResults)
	require.Equal(t, id, found.Results[0].ConversationID)
	require.Equal(t, "Lisbon", found.Results[0].Title)
	require.NotEmpty(t, found.Results[0].Highlights)
	runes := []rune(found.Results[0].Text)
	first := found.Results[0].Highlights[0]
	require.Equal(t, "tram", strings.ToLower(string(runes[first.Start:first.End])))

	for body, results := range map[string]int{
		`{"query":"tram","provider":"claude"}`:                               1,
		`{"query":"tram","provider":"all"}`:                                  1,
		`{"query":"tram","provider":""}`:                                     1,
		`{"query":"tram","provider":"chatgpt"}`:                              0,
		`{"query":"tram","dateFrom":"2026-03-01","dateTo":"2026-03-01"}`:     1,
		`{"query":"tram","dateFrom":"2026-03-02"}`:                           0,
		`{"query":"tram","dateTo":"2026-02-28"}`:                             0,
		`{"query":"tram","limit":1000000,"contextChunks":1000000}`:           1,
		`{"query":"tram","limit":1e30}`:                                      1,
		`{"query":"tram","skipRerank":true,"contextChunks":0}`:               1,
		`{"query":"tram","mode":"keyword"}`:                                  1,
		`{"query":"zebra","mode":"keyword"}`:                                 0,
		`{"query":"tram","pinned":false}`:                                    1,
		`{"query":"tram","pinned":true}`:                                     0,
		`{"query":"tram","importId":"0197b3a0-11aa-7c3e-9d52-6f1f0a6f7c01"}`: 0,
		`{"query":"tram","importId":"nonsense"}`:                             0,
	} {
		answer := s.call(t, http.MethodPost, searchPath, body)
		require.Equal(t, http.StatusOK, answer.status, body)
		require.NoError(t, json.Unmarshal([]byte(answer.body), &found))
		require.Len(t, found.Results, results, body)
		require.NotContains(t, answer.body, `"results":null`)
	}
	for body, want := range map[string]string{
		`{}`:                                              "query is required",
		`{"query":null}`:                                  "query must be a string, not null",
		`{"query":["a"]}`:                                 "query must be a string",
		`{"query":" "}`:                                   "query",
		`{"query":"a","limit":0}`:                         "limit must be at least 1",
		`{"query":"a","limit":-1e30}`:                     "limit must be at least 1",
		`{"query":"a","limit":"5"}`:                       "limit must be a whole number",
		`{"query":"a","contextChunks":-1}`:                "contextChunks must be at least 0",
		`{"query":"a","mode":"magic"}`:                    "mode must be",
		`{"query":"a","dateFrom":"yesterday"}`:            "dateFrom must be an ISO 8601",
		`{"query":"a","skipRerank":1}`:                    "skipRerank must be true or false",
		`{"query":"` + strings.Repeat("a", 10_001) + `"}`: "10000",
	} {
		answer := s.call(t, http.MethodPost, searchPath, body)
		require.Equal(t, http.StatusBadRequest, answer.status, body)
		require.Contains(t, answer.says(t), want)
	}

	_, err = s.Client.Delete(t.Context(), id)
	require.NoError(t, err)
	require.NotContains(t, s.call(t, http.MethodPost, searchPath, `{"query":"which tram to Estrela"}`).body, id)
}

func TestRecall(t *testing.T) {
	s, id := withTrip(t)
	answer := s.call(t, http.MethodPost, recallPath, `{"query":"tram to Estrela","maxTokens":99999,"platform":"claude","conversationContext":"a trip","conversationHistory":[{"role":"user","content":"hi"}]}`)
	require.Equal(t, http.StatusOK, answer.status, answer.body)
	var one api.RecallAnswer
	require.NoError(t, json.Unmarshal([]byte(answer.body), &one))
	require.Contains(t, one.Content, "tram 28")
	require.Equal(t, "extractive", one.Model)
	require.Regexp(t, `^\d+ms$`, one.ProcessingTime)
	require.Equal(t, id, one.Sources[0].ConversationID)
	require.Equal(t, "Lisbon", one.Sources[0].ConversationTitle)
	require.Positive(t, one.TokenCount)
	require.NotContains(t, answer.body, `"results"`)

	answer = s.call(t, http.MethodPost, recallPath, `{"queries":[{"query":"tram to Estrela"},{"query":"zebra crossing","maxTokens":100}]}`)
	require.Equal(t, http.StatusOK, answer.status, answer.body)
	var several api.RecallAnswer
	require.NoError(t, json.Unmarshal([]byte(answer.body), &several))
	require.Len(t, several.Results, 2)
	require.Equal(t, "zebra crossing", several.Results[1].Query)

	for _, content := range []string{
		`"trams"`, `null`, `[{"type":"text","text":"which tram"},{"type":"image_url","image_url":{"url":"x"}}]`, `[{"type":"input_text","text":"to Estrela"}]`, `["a tram"]`, `[]`,
	} {
		answer = s.call(t, http.MethodPost, recallPath, `{"query":"and that?","conversationHistory":[{"role":"developer","content":"be kind"},{"role":"user","content":`+content+`},{"role":"function","content":"42"}]}`)
		require.Equal(t, http.StatusOK, answer.status, "%s: %s", content, answer.body)
		require.Equal(t, strings.Contains(content, "tram") || strings.Contains(content, "Estrela"), strings.Contains(answer.body, "tram 28"), "%s: %s", content, answer.body)
	}
	answer = s.call(t, http.MethodPost, recallPath, `{"query":"tram to Estrela`+strings.Repeat(" and so on", 2000)+`"}`)
	require.Equal(t, http.StatusOK, answer.status, "a query that is too long is cut")

	many := func(n int) string {
		return `{"queries":[` + strings.TrimSuffix(strings.Repeat(`{"query":"tram"},`, n), ",") + `]}`
	}
	require.Equal(t, http.StatusOK, s.call(t, http.MethodPost, recallPath, many(15)).status)
	for body, want := range map[string]string{
		`{}`:                                         "query",
		`{"query":" "}`:                              "query",
		`{"queries":[]}`:                             "query",
		`{"queries":null}`:                           "query",
		`{"queries":["tram"]}`:                       "queries[0] must be an object",
		`{"queries":[{"maxTokens":1}]}`:              "queries[0].query is required",
		`{"queries":[{"query":""}]}`:                 "queries[0].query",
		`{"query":"a","maxTokens":0}`:                "maxTokens must be at least 1",
		`{"queries":[{"query":"a","maxTokens":-1}]}`: "queries[0].maxTokens must be at least 1",
		`{"query":"a","conversationHistory":[{"role":"robot","content":"a"}]}`: "conversationHistory[0].role",
		`{"query":"a","conversationHistory":[{"role":"human","content":7}]}`:   "conversationHistory[0].content must be a string, or a list of parts with texts",
		`{"query":"a","conversationHistory":[{"role":"human","content":[7]}]}`: "conversationHistory[0].content must be a string, or a list of parts with texts",
		many(16): "15",
	} {
		answer := s.call(t, http.MethodPost, recallPath, body)
		require.Equal(t, http.StatusBadRequest, answer.status, body)
		require.Contains(t, answer.says(t), want)
	}
}
