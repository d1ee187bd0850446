package server_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/pkg/api"
)

// slowBodies are routes that take a body, with the beginning of one.
var slowBodies = []struct{ method, path, kind, begin string }{
	{http.MethodPost, "/api/chat-history/ingest/custom-online", "application/json", `{"conversation":`},
	{http.MethodDelete, "/api/chat-history/chats", "application/json", `{"ids":[`},
	{http.MethodPost, "/api/chat-history/import", "application/x-ndjson", `{"conversation":`},
	{http.MethodDelete, "/v2/hc-interactions/public", "application/json", `{"ids":[`},
}

// sendSlowly sends a request whose body is incomplete, and returns the answer. Until then
// it calls drip with the connection again and again.
func sendSlowly(t *testing.T, s service, method, path, kind, begin string, drip func(net.Conn) error) (status int, body []byte) {
	t.Helper()
	address, err := url.Parse(s.URL)
	require.NoError(t, err)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address.Host)
	require.NoError(t, err)
	defer conn.Close()                                                   //nolint:errcheck // the answer is read
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second))) // it only ends a failing test
	key := s.NewKey(t, "default", auth.Read, auth.Write)
	_, err = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: 100000\r\n\r\n%s",
		method, path, address.Host, key, kind, begin)
	require.NoError(t, err)
	answered, dripped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(dripped)
		for {
			select {
			case <-answered:
				return
			default:
			}
			if drip(conn) != nil {
				return
			}
		}
	}()
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	close(answered)
	<-dripped
	require.NoError(t, err, path)
	defer answer.Body.Close()
	var said json.RawMessage
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&said), "%s: %d %v", path, answer.StatusCode, answer.Header)
	return answer.StatusCode, said
}

func requireTimeout(t *testing.T, path string, status int, body []byte, says string) {
	t.Helper()
	require.Equal(t, http.StatusRequestTimeout, status, "%s: %s", path, body)
	if path[:3] == "/v2" {
		var said api.PublicError
		require.NoError(t, json.Unmarshal(body, &said))
		require.Equal(t, http.StatusRequestTimeout, said.StatusCode)
		require.Contains(t, said.Message, says)
		return
	}
	var said api.ErrorResponse
	require.NoError(t, json.Unmarshal(body, &said))
	require.Contains(t, said.Error, says)
}

// A body that stops is answered with 408, in the format of its API.
func TestASilentBodyIsATimeout(t *testing.T) {
	s := start(t, server.Options{Pace: server.Pace{Silence: 50 * time.Millisecond, Grace: time.Hour}})
	for _, c := range slowBodies {
		ended := func(net.Conn) error { return net.ErrClosed }
		status, body := sendSlowly(t, s, c.method, c.path, c.kind, c.begin, ended)
		requireTimeout(t, c.path, status, body, "stopped coming")
	}
}

// A body that comes byte by byte is answered with 408 too.
func TestADrippingBodyIsATimeout(t *testing.T) {
	s := start(t, server.Options{Pace: server.Pace{Silence: time.Minute, Grace: 20 * time.Millisecond, Rate: 1 << 30}})
	for _, c := range slowBodies {
		pause := time.NewTicker(2 * time.Millisecond)
		drip := func(conn net.Conn) error {
			<-pause.C
			_, err := conn.Write([]byte(" "))
			return err
		}
		status, body := sendSlowly(t, s, c.method, c.path, c.kind, c.begin, drip)
		pause.Stop()
		requireTimeout(t, c.path, status, body, "too slowly")
	}
}
