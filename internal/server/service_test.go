package server_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/internal/server/servertest"
	"github.com/lethe-chat/lethe/pkg/api"
)

// service is a running service, with methods that send any request.
type service struct{ *servertest.Service }

func start(t testing.TB, o server.Options, change ...func(*history.Options)) service {
	t.Helper()
	return service{servertest.Start(t, o, change...)}
}

// reply is an answer with its whole body.
type reply struct {
	status int
	header http.Header
	body   string
}

// says returns the message of an error of either API.
func (r reply) says(t testing.TB) string {
	t.Helper()
	var e struct {
		api.PublicError

		Details string // of supermemory's API
	}
	require.NoError(t, json.Unmarshal([]byte(r.body), &e), r.body)
	require.NotEmpty(t, e.Error)
	if e.Details != "" {
		require.Equal(t, http.StatusText(r.status), e.Error)
		return e.Details
	}
	if e.StatusCode == 0 {
		return e.Error
	}
	require.Equal(t, r.status, e.StatusCode)
	require.Equal(t, http.StatusText(r.status), e.Error)
	return e.Message
}

// get sends a GET request without a key.
func (s service) get(t testing.TB, path string) reply {
	t.Helper()
	return s.send(t, http.MethodGet, path, "", nil)
}

// call sends a JSON body, if any, with the service's own key.
func (s service) call(t testing.TB, method, path, body string) reply {
	t.Helper()
	return s.send(t, method, path, body, map[string]string{"Authorization": "Bearer " + s.Key})
}

// send sends a request, as JSON if it has a body and no Content-Type. An empty header
// value removes the header.
func (s service) send(t testing.TB, method, path, body string, headers map[string]string) reply {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, reader)
	require.NoError(t, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range headers {
		switch {
		case name == "Host":
			r.Host = value
		case value == "":
			r.Header.Del(name)
		default:
			r.Header.Set(name, value)
		}
	}
	resp, err := s.HTTP.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return reply{resp.StatusCode, resp.Header, string(data)}
}

// upload stores a conversation of these texts, alternately by a human and an assistant,
// and returns its id.
func (s service) upload(t testing.TB, externalID string, texts ...string) string {
	t.Helper()
	var messages []api.UploadedMessage
	for i, text := range texts {
		messages = append(messages, api.UploadedMessage{Role: []string{"human", "assistant"}[i%2], Content: text})
	}
	answer, err := s.Client.Upload(t.Context(), api.UploadRequest{
		Conversation: api.UploadedChat{ID: externalID, Messages: messages},
	})
	require.NoError(t, err)
	return answer.ConversationID
}
