package mcp_test

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/mcp/relay"
)

// relayed returns a session of a client that speaks to the service through a relay.
func (d *desk) relayed(key, revision string, fill form) *sdk.ClientSession {
	d.t.Helper()
	fromClient, toRelay := io.Pipe()
	fromRelay, toClient := io.Pipe()
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.WithoutCancel(d.t.Context()))
	go func() {
		ended <- relay.Run(ctx, relay.Options{Version: "1.2.3", In: fromClient, Out: toClient, Find: func(context.Context) (string, string, error) {
			return cmp.Or(d.relayedTo, d.URL), key, nil
		}})
	}()
	options := &sdk.ClientOptions{}
	if fill != nil {
		options.ElicitationHandler = func(_ context.Context, r *sdk.ElicitRequest) (*sdk.ElicitResult, error) { return fill(r.Params), nil }
	}
	session, err := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, options).Connect(d.t.Context(),
		&sdk.IOTransport{Reader: fromRelay, Writer: toRelay}, &sdk.ClientSessionOptions{ProtocolVersion: revision})
	require.NoError(d.t, err)
	d.t.Cleanup(func() {
		_ = session.Close()
		_ = toRelay.Close()
		cancel()
		require.NoError(d.t, <-ended)
	})
	return session
}

// Over standard input and output, forms are shown in every revision, and everything else is
// as over HTTP.
func TestTheRelayInEveryRevision(t *testing.T) {
	d := start(t)
	for _, revision := range revisions {
		t.Run(revision, func(t *testing.T) {
			id := d.upload(d.Key, "ferry", "When does the ferry leave?", "The ferry leaves at nine, said Ada.")
			accept := false
			s := d.relayed(d.Key, revision, func(p *sdk.ElicitParams) *sdk.ElicitResult {
				require.Contains(t, p.Message, `"About ferry"`)
				if accept {
					return &sdk.ElicitResult{Action: "accept", Content: map[string]any{"delete": true}}
				}
				return &sdk.ElicitResult{Action: "decline"}
			})
			require.Equal(t, revision, s.InitializeResult().ProtocolVersion)
			require.ElementsMatch(t, append(append([]string{}, readTools...), deleteTools...), names(t, s))
			require.Contains(t, call(t, s, "search_chat_history", args{"query": "ferry leave"}).text, "leaves at nine")
			require.EqualValues(t, 1, call(t, s, "chat_history_overview", nil).outcome["conversations"])
			read, err := s.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "lethe://conversation/" + id})
			require.NoError(t, err)
			require.Contains(t, read.Contents[0].Text, "leaves at nine")

			a := call(t, s, "delete_conversations", args{"ids": []string{id}})
			require.Equal(t, "declined", a.outcome["status"], a.text)
			require.Equal(t, 1, d.count())
			accept = true
			a = call(t, s, "delete_conversations", args{"ids": []string{id}})
			require.Equal(t, "deleted", a.outcome["status"], a.text)
			require.Zero(t, d.count())

			id = d.upload(d.Key, "plain", "No form here.")
			plain := d.relayed(d.Key, revision, nil)
			a = call(t, plain, "delete_conversations", args{"ids": []string{id}})
			require.Equal(t, "confirmation_required", a.outcome["status"], a.text)
			a = call(t, plain, "delete_conversations", args{"ids": []string{id}, "confirmToken": a.outcome["confirmToken"]})
			require.Equal(t, "deleted", a.outcome["status"], a.text)

			reader := d.relayed(d.NewKey(t, "default", auth.Read), revision, nil)
			require.ElementsMatch(t, readTools, names(t, reader))
		})
	}
}

// severing is a proxy that passes requests on. While cut is set, it closes the connection instead of
// passing the answer of a tool back.
type severing struct {
	*httptest.Server
	cut   atomic.Bool
	calls atomic.Int32 // of tools, that reached the service
}

func (d *desk) severed() *severing {
	to, err := url.Parse(d.URL)
	require.NoError(d.t, err)
	s, through := &severing{}, httputil.NewSingleHostReverseProxy(to)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		through.ServeHTTP(answer, r)
		if bytes.Contains(body, []byte(`"tools/call"`)) {
			s.calls.Add(1)
			if s.cut.Load() {
				panic(http.ErrAbortHandler)
			}
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}))
	d.t.Cleanup(s.Close)
	return s
}

// A delete whose answer is lost is not sent again, and the assistant is told that it may have been
// carried out. What only reads is asked again.
func TestALostAnswerOfADeleteIsNotAskedAgain(t *testing.T) {
	d := start(t)
	for _, revision := range revisions {
		proxy := d.severed()
		d.relayedTo = proxy.URL
		s := d.relayed(d.Key, revision, nil)
		id := d.upload(d.Key, "ferry", "The ferry leaves at nine.")
		token := call(t, s, "delete_conversations", args{"ids": []string{id}}).outcome["confirmToken"]
		proxy.calls.Store(0)
		proxy.cut.Store(true)
		a := call(t, s, "delete_conversations", args{"ids": []string{id}, "confirmToken": token})
		require.True(t, a.failed)
		require.Contains(t, a.text, "it may have been carried out")
		require.EqualValues(t, 1, proxy.calls.Load())
		require.Zero(t, d.count(), "it was carried out")

		a = call(t, s, "chat_history_overview", nil)
		require.True(t, a.failed)
		require.EqualValues(t, 3, proxy.calls.Load(), "a read is asked twice")
		proxy.cut.Store(false)
		require.False(t, call(t, s, "chat_history_overview", nil).failed)
	}
}

// What a proxy or the service answers outside of the protocol is said as it is.
func TestRefusalsOverHTTPAreSaid(t *testing.T) {
	d := start(t)
	status, body := http.StatusOK, ""
	to, err := url.Parse(d.URL)
	require.NoError(t, err)
	through := httputil.NewSingleHostReverseProxy(to)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status == http.StatusOK {
			through.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(proxy.Close)
	d.relayedTo = proxy.URL
	s := d.relayed(d.Key, revisions[0], nil)
	for _, c := range []struct {
		status     int
		body, says string
	}{
		{http.StatusBadGateway, "<html>nginx</html>", "502 Bad Gateway"},
		{http.StatusTooManyRequests, `{"error":"too many requests; try again in 3 s"}`, "too many requests; try again in 3 s"},
		{http.StatusUnauthorized, `{"error":"Invalid or revoked API key"}`, "Invalid or revoked API key"},
		{http.StatusMisdirectedRequest, `{"error":"this host is not allowed"}`, "this host is not allowed"},
		{http.StatusNotFound, `{"error":{"code":1}}`, "404 Not Found"},
	} {
		status, body = c.status, c.body
		a := call(t, s, "chat_history_overview", nil)
		require.True(t, a.failed)
		require.Contains(t, a.text, "the service refused: "+c.says)
	}
	status = http.StatusOK
	require.False(t, call(t, s, "chat_history_overview", nil).failed)
}
