package server_test

import (
	"bufio"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/server"
)

// HEAD is answered like GET, without a body, on every route that has GET.
func TestHeadIsAnsweredWhereverGetIs(t *testing.T) {
	s := start(t, server.Options{})
	s.upload(t, "a", "hello")
	paths := []string{"/healthz", "/readyz", "/metrics", "/openapi.yaml", "/docs", "/docs/start.js"}
	for _, r := range every(t) {
		if r.method == http.MethodGet {
			paths = append(paths, r.path)
		}
	}
	for _, path := range paths {
		get, head := s.call(t, http.MethodGet, path, ""), s.call(t, http.MethodHead, path, "")
		require.Equal(t, get.status, head.status, path)
		require.Empty(t, head.body, path)
		require.Equal(t, get.header.Get("Content-Type"), head.header.Get("Content-Type"), path)
	}
	require.Equal(t, http.StatusUnauthorized, s.send(t, http.MethodHead, "/api/chat-history/count", "", nil).status)
	require.Contains(t, s.call(t, http.MethodPut, "/api/chat-history/count", "").header.Get("Allow"), http.MethodHead)
}

// Orchestrators call the probes by address, so these are answered under any host. Other
// routes refuse a foreign host, in the format of their API.
func TestProbesAreAnsweredUnderAnyHost(t *testing.T) {
	s := start(t, server.Options{Hosts: []string{"localhost", "127.0.0.1", "::1"}})
	for _, path := range []string{"/healthz", "/readyz"} {
		require.Equal(t, http.StatusOK, s.send(t, http.MethodGet, path, "", map[string]string{"Host": "10.0.0.5:8787"}).status, path)
		require.Equal(t, http.StatusOK, s.send(t, http.MethodHead, path, "", map[string]string{"Host": "10.0.0.5:8787"}).status, path)
	}
	for _, path := range []string{"/api/chat-history/count", "/v2/hc-interactions/public", "/v2/nothing", "/metrics", "/docs", "/openapi.yaml", "/nothing"} {
		answer := s.send(t, http.MethodGet, path, "", map[string]string{"Host": "10.0.0.5:8787", "Authorization": "Bearer " + s.Key})
		require.Equal(t, http.StatusMisdirectedRequest, answer.status, path)
		require.Contains(t, answer.says(t), "LETHE_ALLOWED_HOSTS", path)
		require.Equal(t, strings.HasPrefix(path, "/v2/"), strings.Contains(answer.body, "statusCode"), path)
	}
}

// A page whose host name was pointed at this address (DNS rebinding) gets no CORS
// headers, although its origin equals the host. Neither does an extension that uses a
// foreign host.
func TestCORSAnswersNothingToAForeignHost(t *testing.T) {
	s := start(t, server.Options{Hosts: []string{"localhost", "127.0.0.1"}, CORSOrigins: []string{"app://obsidian.md"}})
	for _, origin := range []string{"http://evil.example:8787", "chrome-extension://abc", "app://obsidian.md"} {
		for _, path := range []string{"/healthz", "/api/chat-history/count"} {
			for _, method := range []string{http.MethodGet, http.MethodOptions} {
				answer := s.send(t, method, path, "", map[string]string{
					"Host": "evil.example:8787", "Origin": origin,
					"Access-Control-Request-Method": "GET", "Access-Control-Request-Private-Network": "true",
				})
				for name := range answer.header {
					require.NotContains(t, name, "Access-Control", "%s %s %s", method, path, origin)
				}
			}
		}
	}
	allowed := s.send(t, http.MethodGet, "/healthz", "", map[string]string{"Origin": "app://obsidian.md"})
	require.Equal(t, "app://obsidian.md", allowed.header.Get("Access-Control-Allow-Origin"))
}

func TestAStarIsNotAnOrigin(t *testing.T) {
	s := start(t, server.Options{CORSOrigins: []string{"*"}})
	answer := s.send(t, http.MethodGet, "/healthz", "", map[string]string{"Origin": "https://evil.example"})
	require.Empty(t, answer.header.Get("Access-Control-Allow-Origin"))
}

// The metrics beside the API do not reveal the size of another workspace's answers. At their own address they are
// complete.
func TestMetricsBesideTheAPIRevealNoSizes(t *testing.T) {
	s := start(t, server.Options{})
	s.upload(t, "a", strings.Repeat("hello ", 1000))
	s.call(t, http.MethodGet, "/api/chat-history/export", "")
	text := s.get(t, "/metrics").body
	require.Contains(t, text, "lethe_http_requests_total")
	require.Contains(t, text, "lethe_http_request_duration_seconds")
	for line := range strings.Lines(text) {
		require.True(t, strings.HasPrefix(strings.NewReplacer("# HELP ", "", "# TYPE ", "").Replace(line), "lethe_"), line)
		require.NotContains(t, line, "size_bytes")
	}

	apart := start(t, server.Options{MetricsApart: true})
	require.Equal(t, http.StatusNotFound, apart.get(t, "/metrics").status)
	apart.get(t, "/healthz")
	web := httptest.NewServer(apart.Server.MetricsServer([]string{"127.0.0.1"}).Handler)
	defer web.Close()
	resp, err := web.Client().Get(web.URL + "/metrics")
	require.NoError(t, err)
	whole, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Contains(t, string(whole), "lethe_http_response_size_bytes")
	for path, want := range map[string]int{"/metrics": http.StatusMisdirectedRequest, "/healthz": http.StatusNotFound} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, web.URL+path, nil)
		require.NoError(t, err)
		r.Host = "evil.example"
		refused, err := web.Client().Do(r)
		require.NoError(t, err)
		require.NoError(t, refused.Body.Close())
		require.Equal(t, want, refused.StatusCode)
	}
}

// Requests that net/http refuses before a handler runs are answered in the format of
// their API.
func TestProtocolErrorsHaveTheFormatOfTheirAPI(t *testing.T) {
	s := start(t, server.Options{})
	large := "X-Large: " + strings.Repeat("a", 80<<10) + "\r\n"
	for _, path := range []string{"/api/chat-history/count", "/v2/hc-interactions/public"} {
		for name, ask := range map[string]struct {
			request string
			status  int
			says    string
		}{
			"a large header":        {"GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + large + "\r\n", 431, "larger than 65536 bytes"},
			"no host":               {"GET " + path + " HTTP/1.1\r\n\r\n", 400, "not valid HTTP"},
			"a broken header":       {"GET " + path + " HTTP/1.1\r\nHost: localhost\r\n:x\r\n\r\n", 400, "not valid HTTP"},
			"a strange expectation": {"GET " + path + " HTTP/1.1\r\nHost: localhost\r\nExpect: 200-ok\r\n\r\n", 417, "100-continue"},
			"a strange coding":      {"POST " + path + " HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "not valid HTTP"},
		} {
			for _, before := range []string{"", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"} {
				answer := speak(t, s, before, ask.request)
				require.Equal(t, ask.status, answer.status, "%s %s", path, name)
				require.Equal(t, "application/json", answer.header.Get("Content-Type"))
				require.NotEmpty(t, answer.header.Get("X-Request-Id"))
				require.Contains(t, answer.says(t), ask.says)
				require.Equal(t, strings.HasPrefix(path, "/v2/"), strings.Contains(answer.body, "statusCode"), answer.body)
			}
		}
	}
}

// speak sends raw requests one after the other on one connection, and returns the last
// answer.
func speak(t *testing.T, s service, requests ...string) (last reply) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for _, request := range requests {
		if request == "" {
			continue
		}
		_, err := io.WriteString(conn, request)
		require.NoError(t, err)
		resp, err := http.ReadResponse(answers, nil)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		last = reply{resp.StatusCode, resp.Header, string(body)}
	}
	return last
}

// A client that disconnects during a request is not an error of the service.
func TestADisconnectedClientIsNotAnError(t *testing.T) {
	log := make(lines, 100)
	s := start(t, server.Options{Logger: slog.New(slog.NewJSONHandler(log, nil))})
	entered := make(chan struct{})
	s.Server.AddWaiting("/waits", entered)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL, "http://"))
	require.NoError(t, err)
	_, err = io.WriteString(conn, "GET /waits HTTP/1.1\r\nHost: localhost\r\n\r\n")
	require.NoError(t, err)
	<-entered
	require.NoError(t, conn.Close())
	for line := range log {
		var entry map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &entry))
		require.NotEqual(t, "ERROR", entry["level"], line)
		if entry["route"] == "/waits" {
			require.InDelta(t, 499, entry["status"], 0)
			return
		}
	}
}

// lines is a log that is read line by line while it is written.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

func TestBodiesMayBeginWithAByteOrderMark(t *testing.T) {
	s := start(t, server.Options{})
	headers := map[string]string{"Authorization": "Bearer " + s.Key, "Content-Type": "application/json; charset=utf8"}
	answer := s.send(t, http.MethodPost, searchPath, "\xef\xbb\xbf"+`{"query":"hello"}`, headers)
	require.Equal(t, http.StatusOK, answer.status, answer.body)
}
