package server_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/internal/server/servertest"
)

// keyed sends a request with an idempotency key.
func (s service) keyed(t testing.TB, key, method, path, body string) reply {
	t.Helper()
	return s.send(t, method, path, body, map[string]string{"Authorization": "Bearer " + s.Key, "Idempotency-Key": key})
}

// Every route that uploads or deletes takes the key, as openapi.yaml says, and gives its answer again.
func TestEveryDeleteAndUploadTakesAnIdempotencyKey(t *testing.T) {
	s := start(t, server.Options{})
	doc, err := servertest.Spec()
	require.NoError(t, err)
	taken := 0
	for _, r := range server.New(server.Options{}).Routes() {
		path := strings.ReplaceAll(r.Path, ":id", "{id}")
		item := doc.Paths.Find(path)
		if item == nil {
			continue // the routes of assistants take no parameters
		}
		described := item.GetOperation(r.Method).Parameters.GetByInAndName("header", "Idempotency-Key") != nil
		require.Equal(t, r.Does.TakesIdempotencyKey(), described, "%s %s", r.Method, r.Path)
		if !described {
			continue
		}
		taken++
		key, words, otherWords := r.Method+" "+r.Path, fmt.Sprint("words ", taken), fmt.Sprint("others ", taken)
		id, other := s.upload(t, words, words), s.upload(t, otherWords, otherWords)
		page, err := s.Client.Messages(t.Context(), id, 0, 1)
		require.NoError(t, err)
		path, body := keyedRequest(r, id, page.Items[0].ID, words)
		otherPath, otherBody := keyedRequest(r, other, page.Items[0].ID, otherWords)

		first := s.keyed(t, key, r.Method, path, body)
		require.Contains(t, []int{http.StatusOK, http.StatusNoContent}, first.status, "%s: %s", key, first.body)
		again := s.keyed(t, `"`+key+`"`, r.Method, path, body)
		require.Equal(t, first.status, again.status, key)
		if r.Does != history.OpDeleteMatching { // its ids are not stored
			require.Equal(t, progress.ReplaceAllString(first.body, ""), progress.ReplaceAllString(again.body, ""), key)
		}
		before, err := s.Client.Count(t.Context())
		require.NoError(t, err)
		refused := s.keyed(t, key, r.Method, otherPath, otherBody)
		require.Equal(t, http.StatusUnprocessableEntity, refused.status, key)
		require.Contains(t, refused.says(t), "used for another request", key)
		after, err := s.Client.Count(t.Context())
		require.NoError(t, err)
		require.Equal(t, before, after, key)
		for _, bad := range []string{" ", strings.Repeat("k", 256), "\u00fc"} {
			require.Equal(t, http.StatusBadRequest, s.keyed(t, bad, r.Method, otherPath, otherBody).status, "%s: %q", key, bad)
		}
	}
	require.Equal(t, 14, taken)
}

// progress matches how far the indexing of an upload is.
var progress = regexp.MustCompile(`"status":"(queued|indexing|ready)"`)

// keyedRequest returns a request of a route that changes a conversation.
func keyedRequest(r server.Route, id, message, title string) (path, body string) {
	switch r.Does {
	case history.OpIngest:
		switch r.Path {
		case "/v4/conversations":
			return r.Path, `{"conversationId":"` + id + `","messages":[{"role":"user","content":"hello"}]}`
		case "/v3/documents":
			return r.Path, `{"content":"` + title + `"}`
		}
		return r.Path, `{"conversation":{"id":"` + id + `","messages":[{"role":"human","content":"hello"}]}}`
	case history.OpDeleteMatching:
		return r.Path, `{"filter":{"title":"` + title + `"}}`
	case history.OpDeleteUnchanged:
		return r.Path, `{"conversations":[{"id":"` + id + `","revision":1}]}`
	case history.OpDeleteMessages:
		return r.Path, `{"conversationId":"` + id + `","messageIds":["` + message + `"]}`
	}
	if strings.Contains(r.Path, ":id") {
		return strings.ReplaceAll(r.Path, ":id", id), ""
	}
	return r.Path, `{"ids":["` + id + `"]}`
}
