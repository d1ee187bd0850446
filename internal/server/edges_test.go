package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/server"
)

func TestKeysAndScopes(t *testing.T) {
	s := start(t, server.Options{})
	reader, writer, admin := s.NewKey(t, "default", auth.Read), s.NewKey(t, "default", auth.Write), s.NewKey(t, "default", auth.Admin)
	revoked := s.NewKey(t, "default", auth.Read, auth.Write)
	prefix, ok := auth.TokenPrefix(revoked)
	require.True(t, ok)
	_, err := s.Administration(t).RevokeKey(t.Context(), prefix)
	require.NoError(t, err)

	for _, r := range every(t) {
		t.Run(r.method+" "+r.path, func(t *testing.T) {
			for name, header := range map[string]string{
				"none": "", "another scheme": "Basic " + s.Key, "no token": "Bearer ", "nonsense": "Bearer x",
				"a wrong secret": "Bearer " + s.Key[:len(s.Key)-4] + "aaaa", "revoked": "Bearer " + revoked,
			} {
				answer := s.send(t, r.method, r.path, r.body, map[string]string{"Authorization": header})
				require.Equal(t, http.StatusUnauthorized, answer.status, name)
				require.Equal(t, "Bearer", answer.header.Get("WWW-Authenticate"), name)
				if strings.HasPrefix(r.path, "/v2/") {
					require.Equal(t, "Invalid or revoked API key", answer.says(t), name)
				}
				require.NotContains(t, answer.body, "aaaa")
			}
			good, bad := reader, writer
			switch r.scope {
			case auth.Write:
				good, bad = writer, reader
			case auth.Admin:
				good, bad = admin, s.NewKey(t, "default", auth.Read, auth.Write)
			case "":
				for _, any := range []string{reader, writer, admin} {
					answer := s.send(t, r.method, r.path, r.body, map[string]string{"Authorization": "Bearer " + any})
					require.Equal(t, http.StatusOK, answer.status)
				}
				return
			}
			refused := s.send(t, r.method, r.path, r.body, map[string]string{"Authorization": "Bearer " + bad})
			require.Equal(t, http.StatusForbidden, refused.status)
			if strings.HasPrefix(r.path, "/v2/") {
				require.Equal(t, "API key does not have the required scope for this operation", refused.says(t))
			} else {
				require.Contains(t, refused.says(t), string(r.scope))
			}
			unread := s.send(t, r.method, r.path, "{", map[string]string{"Authorization": "Bearer " + bad})
			require.Equal(t, http.StatusForbidden, unread.status, "it must be refused before the body is read")
			allowed := s.send(t, r.method, r.path, r.body, map[string]string{"Authorization": "bearer " + good})
			require.NotContains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, allowed.status)
		})
	}
}

func TestBodiesAreRefused(t *testing.T) {
	s := start(t, server.Options{MaxBody: 200, MaxUpload: 400})
	fits := `{"ids":["` + strings.Repeat("a", 200-len(`{"ids":[""]}`)) + `"]}`
	require.Len(t, fits, 200)
	tests := []struct {
		name, body, label string
		header            [2]string
		want              int
	}{
		{"the limit", fits, "application/json", [2]string{}, 200},
		{"over the limit", fits + " ", "application/json", [2]string{}, 413},
		{"a form", `{"ids":["a"]}`, "application/x-www-form-urlencoded", [2]string{}, 415},
		{"text", `{"ids":["a"]}`, "text/plain", [2]string{}, 415},
		{"a broken label", `{"ids":["a"]}`, "application/json; =", [2]string{}, 415},
		{"another charset", `{"ids":["a"]}`, "application/json; charset=utf-16", [2]string{}, 415},
		{"compressed", `{"ids":["a"]}`, "application/json", [2]string{"Content-Encoding", "gzip"}, 415},
		{"with charset", `{"ids":["a"]}`, "application/json; charset=UTF-8", [2]string{}, 200},
		{"a JSON dialect", `{"ids":["a"]}`, "application/vnd.x+json", [2]string{}, 200},
		{"no label", `{"ids":["a"]}`, "", [2]string{}, 200},
		{"no JSON", `ids=a`, "application/json", [2]string{}, 400},
		{"more after it", `{"ids":["a"]}{}`, "application/json", [2]string{}, 400},
		{"no body", "", "", [2]string{}, 400},
		{"no body, labelled", "", "application/json", [2]string{}, 400},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			headers := map[string]string{"Authorization": "Bearer " + s.Key, "Content-Type": test.label}
			if test.header[0] != "" {
				headers[test.header[0]] = test.header[1]
			}
			answer := s.send(t, http.MethodDelete, "/api/chat-history/chats", test.body, headers)
			require.Equal(t, test.want, answer.status, answer.body)
		})
	}
	upload := `{"conversation":{"id":"c","messages":[{"role":"human","content":"` + strings.Repeat("a", 250) + `"}]}}`
	require.Equal(t, http.StatusOK, s.call(t, http.MethodPost, "/api/chat-history/ingest/custom-online", upload).status)
}

// The length of a body without Content-Length is counted while it is read.
func TestBodyWithoutLengthIsLimited(t *testing.T) {
	s := start(t, server.Options{MaxBody: 200})
	body := struct{ *strings.Reader }{strings.NewReader(`{"ids":["` + strings.Repeat("a", 10_000) + `"]}`)} // http.NewRequest cannot know its length
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/api/chat-history/chats/delete", body)
	require.NoError(t, err)
	r.ContentLength = -1
	r.Header.Set("Authorization", "Bearer "+s.Key)
	r.Header.Set("Content-Type", "application/json")
	resp, err := s.HTTP.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode)
}

func TestUnknownPathsAndMethods(t *testing.T) {
	s := start(t, server.Options{})
	for _, path := range []string{"/api/chat-history", "/api/chat-history/chats/", "/api/chat-history/nothing", "/v2", "/v2/", "/v2/hc-interactions", "/v2/hc-interactions/a", "/v2x"} {
		answer := s.call(t, http.MethodGet, path, "")
		require.Equal(t, http.StatusNotFound, answer.status, path)
		require.Equal(t, "no-store", answer.header.Get("Cache-Control"))
		answer.says(t)
	}
	for _, path := range []string{"/v2/hc-interactions/events/public", "/v2/bots/ask-question/public"} {
		require.Contains(t, s.call(t, http.MethodPost, path, `{}`).says(t), "has no bots", path)
	}
	require.NotContains(t, s.call(t, http.MethodPost, "/api/chat-history/events/x", `{}`).says(t), "bots")
	answer := s.call(t, http.MethodPut, "/api/chat-history/chats", `{"ids":["a"]}`)
	require.Equal(t, http.StatusMethodNotAllowed, answer.status)
	answer.says(t)
	for _, method := range []string{"GET", "DELETE"} {
		require.Contains(t, answer.header.Get("Allow"), method)
	}
	require.Equal(t, http.StatusMethodNotAllowed, s.call(t, "FROBNICATE", "/api/chat-history/count", "").status)
	require.Equal(t, http.StatusMethodNotAllowed, s.call(t, http.MethodPost, "/v2/hc-interactions/public", `{"ids":["a"]}`).status)
	require.Equal(t, http.StatusBadRequest, s.call(t, http.MethodGet, "/v2/hc-interactions/public?source=%zz", "").status)
	require.Equal(t, http.StatusBadRequest, s.call(t, http.MethodGet, "/api/chat-history/chats?provider=%zz", "").status)
}

func TestRequestIDs(t *testing.T) {
	s := start(t, server.Options{})
	id := func(sent string) string {
		return s.send(t, http.MethodGet, "/healthz", "", map[string]string{"X-Request-Id": sent}).header.Get("X-Request-Id")
	}
	require.Equal(t, "my-id_1.2", id("my-id_1.2"))
	for _, bad := range []string{"", "two words", "a=b", strings.Repeat("a", 129), "ü"} {
		require.Regexp(t, `^[0-9a-f-]{36}$`, id(bad), bad)
	}
	require.NotEqual(t, id(""), id(""))
}

func TestPanicsAndSurprisesStayPrivate(t *testing.T) {
	var log lockedBuffer
	s := start(t, server.Options{Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	s.HTTP = http.DefaultClient // openapi.yaml does not contain these paths
	s.Server.AddPanic("/panics", "the database password")
	s.Server.AddError("/fails", errors.New("pq: the database password"))
	s.Server.AddError("/times-out", context.DeadlineExceeded)
	s.Server.AddError("/is-busy", fault.Wrap(fault.Unavailable, errors.New("dial 10.0.0.1"), "the database does not answer"))
	for path, want := range map[string]int{"/panics": 500, "/fails": 500, "/times-out": 503, "/is-busy": 503} {
		answer := s.get(t, path)
		require.Equal(t, want, answer.status, path)
		require.NotContains(t, answer.body, "password")
		require.NotContains(t, answer.body, "10.0.0.1")
		answer.says(t)
		if want == http.StatusServiceUnavailable {
			require.Equal(t, "1", answer.header.Get("Retry-After"))
		}
	}
	require.Contains(t, log.String(), "the database password", "the log must have the details")
	require.Contains(t, log.String(), "AddPanic", "the log must have the place")
}

func TestLogsHaveNoContent(t *testing.T) {
	var log lockedBuffer
	s := start(t, server.Options{Logger: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	const secret = "xyzzy"
	s.call(t, http.MethodPost, "/api/chat-history/ingest/custom-online", `{"conversation":{"id":"`+secret+`","title":"`+secret+`","messages":[{"role":"human","content":"`+secret+`"}]}}`)
	s.call(t, http.MethodPost, "/api/chat-history/search", `{"query":"`+secret+`"}`)
	s.call(t, http.MethodPost, "/api/chat-history/search", `{"query":`+secret+`}`)
	s.call(t, http.MethodPost, "/api/chat-history/search", `{"query":"a","mode":"`+secret+`"}`)
	s.call(t, http.MethodGet, "/api/chat-history/chats?title="+secret, "")
	s.call(t, http.MethodGet, "/api/chat-history/conversation?conversationId="+secret, "")
	s.call(t, http.MethodGet, "/"+secret, "")
	s.call(t, secret, "/healthz", "")
	s.send(t, http.MethodGet, "/api/chat-history/count", "", map[string]string{"Authorization": "Bearer " + secret})
	require.NotContains(t, log.String(), secret)
	require.NotContains(t, log.String(), s.Key)
	require.Contains(t, log.String(), `"route":"/api/chat-history/search"`)
	require.Contains(t, log.String(), `"key_id":"`)
	require.Contains(t, log.String(), `"workspace_id":`)
	require.NotContains(t, s.get(t, "/metrics").body, secret)
}

func TestMetricsCountByRoute(t *testing.T) {
	s := start(t, server.Options{})
	s.call(t, http.MethodGet, "/api/chat-history/imports/0197b3a0-11aa-7c3e-9d52-6f1f0a6f7c01", "")
	s.send(t, "FROBNICATE", "/healthz", "", map[string]string{"Host": "evil.example"})
	s.get(t, "/nothing/here")
	text := s.get(t, "/metrics").body
	require.Contains(t, text, `lethe_http_requests_total{code="404",host="",method="GET",url="/api/chat-history/imports/:id"} 1`)
	require.Contains(t, text, `lethe_http_requests_total{code="404",host="",method="GET",url="unknown"} 1`)
	require.Contains(t, text, `method="other"`)
	for _, hidden := range []string{"0197b3a0", "evil.example", "nothing", "FROBNICATE"} {
		require.NotContains(t, text, hidden)
	}
}

func TestRateLimitIsPerKey(t *testing.T) {
	s := start(t, server.Options{}, func(o *history.Options) { o.RatePerSecond, o.Burst = 0.1, 2 })
	other := s.NewKey(t, "default", auth.Read)
	ask := func(key string) reply {
		return s.send(t, http.MethodGet, "/api/chat-history/count", "", map[string]string{"Authorization": "Bearer " + key})
	}
	require.Equal(t, http.StatusOK, ask(s.Key).status)
	require.Equal(t, http.StatusOK, ask(s.Key).status)
	for range 2 { // a refused request does not delay the next one
		refused := ask(s.Key)
		require.Equal(t, http.StatusTooManyRequests, refused.status)
		require.Regexp(t, `^(9|10)$`, refused.header.Get("Retry-After"))
	}
	require.Equal(t, http.StatusOK, ask(other).status)
	require.Equal(t, http.StatusOK, s.get(t, "/healthz").status)
}

// An operation that exceeds its deadline is answered like any fault.
func TestWorkHasADeadline(t *testing.T) {
	s := start(t, server.Options{}, func(o *history.Options) { o.Patience = time.Nanosecond })
	late := s.send(t, http.MethodGet, "/api/chat-history/count", "", map[string]string{"Authorization": "Bearer " + s.Key})
	require.Equal(t, http.StatusServiceUnavailable, late.status)
	require.JSONEq(t, `{"error":"the request was canceled or took too long"}`, late.body)
}

func TestHostsAreChecked(t *testing.T) {
	s := start(t, server.Options{Hosts: []string{"localhost", "127.0.0.1", "::1", "chats.example.org"}})
	for host, want := range map[string]int{
		"localhost": 200, "LOCALHOST:8787": 200, "127.0.0.1:1": 200, "[::1]:8787": 200, "[::1]": 200, "chats.example.org.": 200,
		"evil.example": 421, "localhost.evil.example": 421, "evil.example:8787": 421, "127.0.0.1.evil.example": 421,
	} {
		answer := s.send(t, http.MethodGet, "/api/chat-history/count", "", map[string]string{"Host": host, "Authorization": "Bearer " + s.Key})
		require.Equal(t, want, answer.status, host)
	}
}

// lockedBuffer is a log that several goroutines may write to.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// A body that is too large by its Content-Length is refused before it is sent. A client
// that sends it nevertheless can still read the reason.
func TestTooLargeIsSaidAtOnce(t *testing.T) {
	s := start(t, server.Options{})
	waiting, end := io.Pipe() // a body that never arrives
	defer end.Close()
	for name, body := range map[string]io.Reader{"not sent": waiting, "sent": strings.NewReader(strings.Repeat("a", 60_000_000))} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+uploadPath, body)
		require.NoError(t, err)
		r.ContentLength = 60_000_000
		r.Header.Set("Authorization", "Bearer "+s.Key)
		r.Header.Set("Content-Type", "application/json")
		resp, err := s.HTTP.Do(r)
		require.NoError(t, err, name)
		require.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode, name)
		require.NoError(t, resp.Body.Close())
	}
}
