package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/pkg/api"
)

// The paths that tests call without the client, which cannot send malformed requests.
const (
	chats       = "/api/chat-history/chats"
	chatsDelete = "/api/chat-history/chats/delete"
	public      = "/v2/hc-interactions/public"
)

// doors are the two routes of the same delete.
var doors = []struct{ name, method, path string }{
	{"DELETE", http.MethodDelete, chats},
	{"POST", http.MethodPost, chatsDelete},
}

// reply is an answer with its whole body.
type reply struct {
	status int
	header http.Header
	body   string
}

// send sends a body with the service's key, as JSON unless it is empty. Headers replace
// the defaults; an empty value removes one.
func send(t testing.TB, s *apptest.Service, method, path, body string, headers ...string) reply {
	t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, content)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+apptest.Key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := s.HTTP.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return reply{resp.StatusCode, resp.Header, string(data)}
}

// refusal returns the text of an error, and checks that the answer contains nothing else.
func (r reply) refusal(t testing.TB) string {
	t.Helper()
	var fields map[string]string
	require.NoError(t, json.Unmarshal([]byte(r.body), &fields), r.body)
	require.Len(t, fields, 1, r.body)
	require.NotEmpty(t, fields["error"], r.body)
	return fields["error"]
}

// deleteBody returns the body of a request to delete these ids.
func deleteBody(t testing.TB, ids ...string) string {
	t.Helper()
	body, err := json.Marshal(api.DeleteRequest{IDs: ids})
	require.NoError(t, err)
	return string(body)
}

// deletedAnswer returns the answer to a delete, byte by byte.
func deletedAnswer(t testing.TB, ids ...string) string {
	t.Helper()
	if ids == nil {
		return `{"count":0,"deleted":[]}`
	}
	body, err := json.Marshal(map[string]any{"deleted": ids, "count": len(ids)})
	require.NoError(t, err)
	return string(body)
}
