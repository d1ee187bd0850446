package server_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/pkg/api"
)

const matching = "/api/chat-history/chats/delete-matching"

// A filter that got lost on its way, or is not understood, must never mean
// everything.
func TestDeleteMatchingRefusesWhatSelectsNothing(t *testing.T) {
	s := start(t, server.Options{})
	s.upload(t, "kept", "hello")
	for body, want := range map[string]string{
		"":                                        "a JSON body is required",
		"{}":                                      "selects nothing in particular",
		`{"filter":{}}`:                           "selects nothing in particular",
		`{"filter":null}`:                         "filter must be an object, not null",
		`{"filter":{"provider":"all"}}`:           "selects nothing in particular",
		`{"filter":{"provider":"","title":""}}`:   "selects nothing in particular",
		`{"filter":{"pinned":false}}`:             "selects nothing in particular",
		`{"filter":{"Title":"hello"}}`:            "selects nothing in particular",
		`{"includePinned":true}`:                  "selects nothing in particular",
		`{"filter":{"title":"x"},"all":true}`:     "not both",
		`{"all":"true"}`:                          "all must be true or false",
		`{"filter":{"dateTo":"yesterday"}}`:       "dateTo",
		`{"filter":{"title":7}}`:                  "filter.title must be a string",
		`{"all":true,"expectedCount":-1}`:         "expectedCount must be at least 0",
		`{"all":true,"expectedCount":"1"}`:        "expectedCount must be a whole number",
		`{"all":true,"dryRun":true}{"all":true}`:  "not valid JSON",
		`{"filter":{"title":"x"},"filter":{}}`:    "filter is given twice",
		`{"filter":{"title":"x","title":"hell"}}`: "title is given twice",
	} {
		answer := s.call(t, http.MethodPost, matching, body)
		require.Equal(t, http.StatusBadRequest, answer.status, "%s: %s", body, answer.body)
		require.Contains(t, answer.says(t), want, body)
	}
	answer := s.call(t, http.MethodPost, matching, `{"all":true,"expectedCount":2}`)
	require.Equal(t, http.StatusConflict, answer.status)
	require.Contains(t, answer.says(t), "matches 1 conversations and expectedCount is 2")
	count, err := s.Client.Count(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, count)
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
	require.Equal(t, 1, lifted)
	again, err := s.Client.DeleteMatching(t.Context(), api.DeleteMatchingRequest{Filter: &api.DeleteFilter{Pinned: new(true)}})
	require.NoError(t, err)
	require.Equal(t, []string{pinned}, again.Deleted)
}
