package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/budget"
	"github.com/lethe-chat/lethe/internal/server"
)

const importPath = "/api/chat-history/import"

// An import that stops, or comes byte by byte, is ended. The complete lines are stored,
// and the answer says so.
func TestAnImportThatStopsIsEnded(t *testing.T) {
	for name, c := range map[string]struct {
		pace server.Pace
		says string
	}{
		"silent":  {server.Pace{Silence: 50 * time.Millisecond}, "line 2 of the file stopped coming"},
		"dripped": {server.Pace{Grace: time.Nanosecond, Rate: 1 << 50}, "line 2 of the file came too slowly"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, server.Options{Pace: c.pace})
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL, "http://"))
			require.NoError(t, err)
			defer conn.Close()                                                   //nolint:errcheck // the other side has closed it
			require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second))) // it only ends a failing test
			_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Length: 100000\r\n\r\n%s\n", importPath, s.Key, lineOf("1"))
			require.NoError(t, err)
			answers := bufio.NewReader(conn)
			resp, err := http.ReadResponse(answers, nil)
			require.NoError(t, err)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			answer := reply{resp.StatusCode, resp.Header, string(body)}
			require.Equal(t, http.StatusRequestTimeout, answer.status, "%s", answer.body)
			require.Contains(t, answer.says(t), c.says)
			require.Contains(t, answer.says(t), "1 conversations are stored")
			_, err = answers.ReadByte()
			require.ErrorIs(t, err, io.EOF, "the service must close the connection")
			n, err := s.Client.Count(t.Context())
			require.NoError(t, err)
			require.Equal(t, 1, n)
		})
	}
}

// If other requests have reserved the memory budget, large requests are answered with 503
// and Retry-After, in the format of their API. Small requests are served.
func TestRequestsBeyondTheMemoryBudgetAreRefused(t *testing.T) {
	const size = 64 << 20
	b := budget.New(budget.Options{Bytes: size, Patience: time.Nanosecond})
	s := start(t, server.Options{Budget: b})
	id := s.upload(t, "a", "hello")
	large := lineOf("large", `,"displayName":"`+strings.Repeat("x", 100<<10)+`"`)
	asks := []struct{ method, path, body string }{
		{http.MethodPost, "/api/chat-history/ingest/custom-online", large},
		{http.MethodPost, importPath, lineOf("1")},
		{http.MethodGet, "/api/chat-history/export", ""},
		{http.MethodGet, "/api/chat-history/conversation?conversationId=" + id, ""},
		{http.MethodGet, "/v2/hc-interactions/public", ""},
		{http.MethodGet, "/v2/hc-interactions/" + id + "/public", ""},
	}
	held, err := b.Reserve(t.Context(), size)
	require.NoError(t, err)
	for _, ask := range asks {
		answer := s.call(t, ask.method, ask.path, ask.body)
		require.Equal(t, http.StatusServiceUnavailable, answer.status, "%s %s: %s", ask.method, ask.path, answer.body)
		require.Equal(t, "5", answer.header.Get("Retry-After"), ask.path)
		require.Contains(t, answer.says(t), "too many large requests")
		require.Equal(t, strings.HasPrefix(ask.path, "/v2/"), strings.Contains(answer.body, "statusCode"), answer.body)
	}
	require.Equal(t, http.StatusOK, s.call(t, http.MethodGet, "/api/chat-history/count", "").status)
	s.upload(t, "b", "small")
	held.Release()
	for _, ask := range asks {
		answer := s.call(t, ask.method, ask.path, ask.body)
		require.Equal(t, http.StatusOK, answer.status, "%s %s: %s", ask.method, ask.path, answer.body)
	}
	require.Zero(t, b.Held())
}

// An import also reserves memory for its longest line, because a line may be as long as
// the body of an upload.
func TestALongLineOfAnImportIsCounted(t *testing.T) {
	b := budget.New(budget.Options{Bytes: 100 << 20, Patience: time.Nanosecond})
	s := start(t, server.Options{Budget: b, MaxLine: 2_000_000})
	long := fmt.Sprintf(`{"conversation":{"id":"long","messages":[{"role":"human","content":%q}]}}`, strings.Repeat("TG9yZW0gaXBzdW0g", 100_000))
	file := lineOf("1") + "\n" + long + "\n" + lineOf("2") + "\n"
	held, err := b.Reserve(t.Context(), 50<<20)
	require.NoError(t, err)

	refused := s.call(t, http.MethodPost, importPath, file)
	require.Equal(t, http.StatusServiceUnavailable, refused.status, refused.body)
	require.Equal(t, "5", refused.header.Get("Retry-After"))
	require.Contains(t, refused.says(t), "too many large requests")
	require.Contains(t, refused.says(t), "1 conversations are stored")
	require.EqualValues(t, 50<<20, b.Held())

	held.Release()
	answer, err := s.Client.ImportFile(t.Context(), strings.NewReader(file), false)
	require.NoError(t, err)
	require.Equal(t, []int{3, 0}, []int{answer.Conversations, answer.Failed})
	require.Zero(t, b.Held())
}

// A long line is checked by the same rules as a short one.
func TestALongLineOfAnImportMayBeWrong(t *testing.T) {
	s := start(t, server.Options{MaxLine: 2_000_000})
	text := strings.Repeat("TG9yZW0gaXBzdW0g", 80_000)
	file := lineOf("1") + "\n" +
		`{"conversation":{"id":"x","messages":[{"role":"human","content":"` + text + `"}],}}` + "\n" + // a comma too many
		`no json ` + text + "\n" +
		`{"conversation":{"id":"","messages":[{"role":"human","content":"` + text + `"}]}}` + "\r\n" +
		lineOf("2")
	answer, err := s.Client.ImportFile(t.Context(), strings.NewReader(file), false)
	require.NoError(t, err)
	require.Equal(t, 2, answer.Conversations)
	require.Equal(t, 3, answer.Failed)
	for i, reason := range []string{"not valid JSON", "not valid JSON", "conversation.id"} {
		require.Equal(t, i+2, answer.Problems[i].Line)
		require.Contains(t, answer.Problems[i].Reason, reason)
	}
	over := `{"conversation":{"id":"x","messages":[{"role":"human","content":"` + text + text + `"}]}}`
	answer, err = s.Client.ImportFile(t.Context(), strings.NewReader(lineOf("3")+"\n"+over+"\n"+lineOf("4")), false)
	require.NoError(t, err)
	require.Equal(t, []int{2, 1}, []int{answer.Conversations, answer.Failed})
	require.Equal(t, 2, answer.Problems[0].Line)
	require.Contains(t, answer.Problems[0].Reason, "the line is longer than 2000000 bytes")
}
