package server_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/pkg/api"
)

const matching = "/api/chat-history/chats/delete-matching"

// A filter that was lost or is not understood must never mean everything.
func TestDeleteMatchingRefusesWhatSelectsNothing(t *testing.T) {
	s := start(t, server.Options{})
	s.upload(t, "kept", "hello")
	for body, want := range map[string]string{
		"":                                      "a JSON body is required",
		"{}":                                    "selects nothing in particular",
		`{"filter":{}}`:                         "selects nothing in particular",
		`{"filter":null}`:                       "filter must be an object, not null",
		`{"filter":{"provider":"all"}}`:         "selects nothing in particular",
		`{"filter":{"provider":"","title":""}}`: "filter.provider must not be blank",
		`{"filter":{"title":" "}}`:              "filter.title must not be blank",
		"{\"filter\":{\"title\":\"\u200d\"}}":   "filter.title must not be blank", // a zero-width joiner, which many emoji contain
		"{\"filter\":{\"title\":\"\ufe0f \u00ad\"}}":          "filter.title must not be blank",
		`{"filter":{"provider":"a","title":""}}`:              "filter.title must not be blank",
		`{"filter":{"provider":"a","dateTo":""}}`:             "filter.dateTo must not be blank",
		`{"filter":{"provider":"a","importId":" "}}`:          "filter.importId must not be blank",
		`{"filter":{"provider":"custom","platform":"b"}}`:     "two names of the same filter",
		`{"filter":{"pinned":true,"pinnedOnly":false}}`:       "two names of the same filter",
		`{"filter":{"platform":"","provider":"custom"}}`:      "two names of the same filter",
		`{"filter":{"platform":"custom"},"dry_run":true}`:     "did you mean dryRun?",
		`{"filter":{"platform":"custom"},"dryrun":true}`:      "did you mean dryRun?",
		`{"filter":{"platform":"custom"},"expected_count":1}`: "did you mean expectedCount?",
		`{"filter":{"platform":"custom","to":"2026-01-01"}}`:  "filter.to is unknown",
		`{"filter":{"platform":"custom","query":"hello"}}`:    "filter.query is unknown",
		`{"dateTo":"2999-12-31","all":true}`:                  "did you mean filter.dateTo?",
		`{"filter":{"all":true}}`:                             "did you mean all?",
		`{"filter":{},"all":true}`:                            "not both",
		`{"filter":{"provider":"all"},"all":true}`:            "not both",
		`{"all":true,"dryRun":null}`:                          "dryRun must be true or false, not null",
		`{"all":true,"filter":null}`:                          "filter must be an object, not null",
		`{"filter":{"pinned":false}}`:                         "selects nothing in particular",
		`{"filter":{"Title":"hello"}}`:                        "did you mean filter.title?",
		`{"includePinned":true}`:                              "selects nothing in particular",
		`{"filter":{"title":"x"},"all":true}`:                 "not both",
		`{"all":"true"}`:                                      "all must be true or false",
		`{"filter":{"dateTo":"yesterday"}}`:                   "dateTo",
		`{"filter":{"title":7}}`:                              "filter.title must be a string",
		`{"all":true,"expectedCount":-1}`:                     "expectedCount must be at least 0",
		`{"all":true,"expectedCount":"1"}`:                    "expectedCount must be a whole number",
		`{"all":true,"dryRun":true}{"all":true}`:              "not valid JSON",
		`{"filter":{"title":"x"},"filter":{}}`:                "filter is given twice",
		`{"filter":{"title":"x","title":"hell"}}`:             "title is given twice",
	} {
		answer := s.call(t, http.MethodPost, matching, body)
		require.Equal(t, http.StatusBadRequest, answer.status, "%s: %s", body, answer.body)
		require.Contains(t, answer.says(t), want, body)
	}
	answer := s.call(t, http.MethodPost, matching, `{"all":true,"expectedCount":2}`)
	require.Equal(t, http.StatusConflict, answer.status)
	require.Contains(t, answer.says(t), "matches 1 conversations and 2 were expected")
	count, err := s.Client.Count(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, count)
}

// Both names of a filter mean the same, and limit what is deleted.
func TestDeleteMatchingKnowsBothNames(t *testing.T) {
	s := start(t, server.Options{})
	kept := s.upload(t, "kept", "hello")
	for _, external := range []string{"a", "b"} {
		_, err := s.Client.Upload(t.Context(), api.UploadRequest{Platform: new("chatgpt"), Conversation: api.UploadedChat{
			ID: external, Messages: []api.UploadedMessage{{Role: "human", Content: "hello"}},
		}})
		require.NoError(t, err)
	}
	for body, want := range map[string]string{
		`{"filter":{"platform":"chatgpt","dateTo":"2999-12-31"},"dryRun":true}`:        `"count":2`,
		`{"filter":{"provider":"chatgpt","platform":"chatgpt"},"dryRun":true}`:         `"count":2`,
		`{"filter":{"platform":"chatgpt","pinnedOnly":true},"dryRun":true}`:            `"count":0`,
		`{"filter":{"platform":"all","dateTo":"2999-12-31T23:59:59"},"dryRun":true}`:   `"count":3`,
		`{"filter":{"pinned":false,"pinnedOnly":false,"title":"hello"},"dryRun":true}`: `"count":3`,
	} {
		answer := s.call(t, http.MethodPost, matching, body)
		require.Equal(t, http.StatusOK, answer.status, "%s: %s", body, answer.body)
		require.Contains(t, answer.body, want, body)
	}
	answer := s.call(t, http.MethodPost, matching, `{"filter":{"platform":"chatgpt","dateTo":"2999-12-31"}}`)
	require.Contains(t, answer.body, `"count":2`)
	_, err := s.Client.Get(t.Context(), kept)
	require.NoError(t, err)
}

func TestDeleteMatchingCountsFirstThenDeletes(t *testing.T) {
	s := start(t, server.Options{})
	a, pinned := s.upload(t, "a", "hello"), s.upload(t, "b", "hello")
	foreign := s.foreign(t)
	_, err := s.Client.Edit(t.Context(), api.EditRequest{ConversationID: pinned, Pinned: new(true)})
	require.NoError(t, err)
	all := api.DeleteMatchingRequest{All: new(true), DryRun: new(true)}
	would, err := s.Client.DeleteMatching(t.Context(), all)
	require.NoError(t, err)
	require.Equal(t, api.DeleteMatchingAnswer{Deleted: []string{}, Count: 1, DryRun: true}, would)
	all.DryRun, all.ExpectedCount, all.Exclude = nil, &would.Count, new(true)
	did, err := s.Client.DeleteMatching(t.Context(), all)
	require.NoError(t, err)
	require.Equal(t, []string{a}, did.Deleted)
	require.Equal(t, 1, did.Count)
	receipt, err := s.Client.Deletion(t.Context(), *did.DeletionID)
	require.NoError(t, err)
	require.Equal(t, 1, receipt.Conversations)

	lifted, err := s.Client.LiftExclusions(t.Context(), api.LiftRequest{IDs: []string{a, pinned, foreign}})
	require.NoError(t, err)
	require.Equal(t, api.LiftAnswer{Lifted: 1}, lifted)
	again, err := s.Client.DeleteMatching(t.Context(), api.DeleteMatchingRequest{Filter: &api.DeleteFilter{Pinned: new(true)}})
	require.NoError(t, err)
	require.Equal(t, []string{pinned}, again.Deleted)
}
