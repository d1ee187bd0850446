package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// deleteRoutes are the two routes of the same delete.
var deleteRoutes = map[string]struct{ method, path string }{
	"DELETE": {http.MethodDelete, "/api/chat-history/chats"},
	"POST":   {http.MethodPost, "/api/chat-history/chats/delete"},
}

func TestDeleteRefusesWhatIsNoListOfIDs(t *testing.T) {
	s := start(t, server.Options{})
	id := s.upload(t, "kept", "hello")
	bodies := map[string]string{
		"":                            "a JSON body is required",
		"null":                        "must be a JSON object",
		"[]":                          "must be a JSON object",
		`"` + id + `"`:                "must be a JSON object",
		`["` + id + `"]`:              "must be a JSON object",
		"{}":                          "ids is required",
		`{"id":"` + id + `"}`:         "ids is required",
		`{"IDS":["` + id + `"]}`:      "ids is required",
		`{"ids":null}`:                "ids must be an array, not null",
		`{"ids":"` + id + `"}`:        "ids must be an array",
		`{"ids":{}}`:                  "ids must be an array",
		`{"ids":true}`:                "ids must be an array",
		`{"ids":[]}`:                  "ids",
		`{"ids":["` + id + `",1]}`:    "ids[1] must be a string",
		`{"ids":["` + id + `",null]}`: "ids[1] must be a string, not null",
		`{"ids":[["` + id + `"]]}`:    "ids[0] must be a string",
		`{"ids":["` + id + `"],"ids":["` + id + `"]}`:                       "ids is given twice",
		`{"ids":["` + id + `"]`:                                             "not valid JSON",
		`{"ids":["` + id + `"]} and more`:                                   "not valid JSON",
		`{"ids":["` + id + `"],"wait":"true"}`:                              "wait must be true or false",
		`{"ids":["` + id + `"],"exclude":null}`:                             "exclude must be true or false, not null",
		`{"ids":[` + strings.Repeat(`"`+id+`",`, 10_000) + `"` + id + `"]}`: "10000",
	}
	for name, route := range deleteRoutes {
		for body, want := range bodies {
			t.Run(name+" "+body[:min(len(body), 60)], func(t *testing.T) {
				answer := s.call(t, route.method, route.path, body)
				require.Equal(t, http.StatusBadRequest, answer.status, answer.body)
				require.Contains(t, answer.says(t), want)
				count, err := s.Client.Count(t.Context())
				require.NoError(t, err)
				require.Equal(t, 1, count, "a refused delete must delete nothing")
			})
		}
	}
}

func TestDeleteAnswersWhatItRemoved(t *testing.T) {
	for name, route := range deleteRoutes {
		t.Run(name, func(t *testing.T) {
			s := start(t, server.Options{})
			a, b, kept := s.upload(t, "a", "one"), s.upload(t, "b", "two"), s.upload(t, "c", "three")
			foreign := s.foreign(t)
			_, err := s.Client.Edit(t.Context(), api.EditRequest{ConversationID: a, Pinned: new(true)})
			require.NoError(t, err)

			ids, err := json.Marshal([]string{b, chat.NewID(), foreign, "no id", "", b, strings.ToUpper(a), a})
			require.NoError(t, err)
			body := `{"ids":` + string(ids) + `,"exclude":false,"wait":false,"unknown":1}`
			answer := s.call(t, route.method, route.path, body)
			require.Equal(t, http.StatusOK, answer.status)
			require.JSONEq(t, fmt.Sprintf(`{"deleted":["%s","%s"],"count":2}`, b, a), answer.body, "in the order of the request, including the pinned one")

			again := s.call(t, route.method, route.path, body)
			require.JSONEq(t, `{"deleted":[],"count":0}`, again.body)
			_, err = s.Client.Get(t.Context(), a)
			require.True(t, client.IsNotFound(err))
			_, err = s.Client.Get(t.Context(), kept)
			require.NoError(t, err)
		})
	}
}

func TestDeleteTakesTenThousand(t *testing.T) {
	s := start(t, server.Options{})
	ids := make([]string, 10_000)
	for i := range ids {
		ids[i] = chat.NewID()
	}
	ids[9_999] = s.upload(t, "a", "one")
	answer, err := s.Client.Delete(t.Context(), ids...)
	require.NoError(t, err)
	require.Equal(t, ids[9_999:], answer.Deleted)
	require.Equal(t, 1, answer.Count)
}

func TestOneOfTwoDeletesReportsAnID(t *testing.T) {
	s := start(t, server.Options{})
	for round := range 5 {
		id := s.upload(t, fmt.Sprint(round), "one")
		counts := make(chan int, 4)
		var callers sync.WaitGroup
		for range cap(counts) {
			callers.Go(func() {
				answer, err := s.Client.Delete(t.Context(), id)
				if err != nil {
					t.Error(err)
				}
				counts <- answer.Count
			})
		}
		callers.Wait()
		close(counts)
		total := 0
		for n := range counts {
			total += n
		}
		require.Equal(t, 1, total)
	}
}

func TestDeletedThenUploadedAgain(t *testing.T) {
	s := start(t, server.Options{})
	first := s.upload(t, "a", "one")
	_, err := s.Client.Delete(t.Context(), first)
	require.NoError(t, err)
	second := s.upload(t, "a", "one")
	require.NotEqual(t, first, second)
	count, err := s.Client.Count(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, count)
}

// foreign returns the id of a conversation in another workspace.
func (s service) foreign(t testing.TB) string {
	t.Helper()
	other := service{s.Service}
	copied := *s.Service
	copied.Client = s.NewClient(t, s.NewKey(t, "another", auth.Read, auth.Write))
	other.Service = &copied
	return other.upload(t, "foreign", "not yours")
}
