package modelhttp

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/fault"
)

const (
	testKey  = "sk-a-secret-key"
	testText = "the private words of a user"
)

// asked is a server for tests that counts its requests.
type asked struct {
	*httptest.Server
	times atomic.Int32
}

func serve(t *testing.T, do http.HandlerFunc) *asked {
	t.Helper()
	a := &asked{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.times.Add(1)
		body, _ := io.ReadAll(r.Body) // a handler that has not read the body does not notice that the client left
		r.Body = io.NopCloser(bytes.NewReader(body))
		do(w, r)
	}))
	t.Cleanup(a.Close)
	return a
}

func newServer(t *testing.T, url string, change func(*Options)) *Server {
	t.Helper()
	o := Options{
		Name: "model server", URL: url, Path: "things", Model: "m", APIKey: testKey, Settings: "THE",
		Timeout: time.Minute, MaxAnswer: 1000,
		Pacer: Pacer{Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }},
	}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	require.NoError(t, err)
	return s
}

func write(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func TestAskPostsAndReads(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.URL.Path != "/v1/things" || r.Header.Get("Content-Type") != "application/json" {
			write(w, http.StatusTeapot, "{}")
			return
		}
		write(w, http.StatusOK, `{"said": `+string(body)+`, "key": "`+r.Header.Get("Authorization")+`"}`)
	})
	for _, path := range []string{"/v1", "/v1/", "/v1/things", "/v1/things/"} {
		answer, err := newServer(t, s.URL+path, nil).Ask(t.Context(), []string{"a <b> & c"})
		require.NoError(t, err, path)
		require.Contains(t, string(answer), "a <b> & c")
		require.Contains(t, string(answer), "Bearer "+testKey)
	}
	answer, err := newServer(t, s.URL+"/v1", func(o *Options) { o.APIKey = "" }).Ask(t.Context(), 1)
	require.NoError(t, err)
	require.Contains(t, string(answer), `"key": ""`)
	_, err = newServer(t, s.URL+"/v1", nil).Ask(t.Context(), func() {})
	require.Error(t, err, "what is no JSON is not asked")
}

// The text is sent to the configured address and nowhere else.
func TestAskFollowsNoRedirect(t *testing.T) {
	elsewhere := serve(t, func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, "{}") })
	for _, status := range []int{301, 302, 307, 308} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, status) })
		_, err := newServer(t, s.URL, nil).Ask(t.Context(), testText)
		require.Equal(t, fault.Invalid, fault.KindOf(err))
		require.Contains(t, fault.Message(err), "THE_URL")
		require.Zero(t, elsewhere.times.Load())
	}
}

// An answer may quote the text and the key. Errors do not repeat it.
func TestErrorsQuoteNobody(t *testing.T) {
	for status := 300; status < 600; status++ {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/"+testText)
			write(w, status, `{"error":"`+testText+testKey+`"}`)
		})
		_, err := newServer(t, s.URL+"/a-path", nil).Ask(t.Context(), testText)
		require.Error(t, err, status)
		require.NotContains(t, err.Error(), testText)
		require.NotContains(t, err.Error(), testKey)
		require.NotContains(t, err.Error(), "a-path")
		require.Contains(t, err.Error(), strings.TrimPrefix(s.URL, "http://"))
		s.Close()
	}
}

func TestRefusals(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var status int
		_ = json.NewDecoder(r.Body).Decode(&status)
		write(w, status, `{"error":{"message":"Unsupported parameter: 'Colour'"}}`)
	})
	ask := func(status int) error {
		_, err := newServer(t, s.URL, nil).Ask(t.Context(), status)
		return err
	}
	for status, refused := range map[int]bool{400: true, 422: true, 401: false, 404: false, 500: false} {
		require.Equal(t, refused, Refused(ask(status)), status)
		require.Equal(t, refused, Refused(ask(status), "size", "colour"), status)
		require.False(t, Refused(ask(status), "size"))
	}
	require.True(t, TooLarge(ask(413)))
	require.False(t, TooLarge(ask(400)))
	require.False(t, Refused(nil))
}

// A server that failed is not asked for a while, so that one that hangs does not slow every request. Then it is asked
// again.
func TestAServerThatFailedRests(t *testing.T) {
	for name, c := range map[string]struct {
		do    http.HandlerFunc
		rests time.Duration // at least
	}{
		"hangs":                 {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 10 * time.Second},
		"fails":                 {func(w http.ResponseWriter, _ *http.Request) { write(w, 503, "{}") }, 10 * time.Second},
		"wants a pause":         {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Retry-After", "25"); write(w, 429, "{}") }, 25 * time.Second},
		"refuses the key":       {func(w http.ResponseWriter, _ *http.Request) { write(w, 401, "{}") }, 10 * time.Second},
		"is something else":     {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, 10 * time.Second},
		"dislikes this one":     {func(w http.ResponseWriter, _ *http.Request) { write(w, 400, "{}") }, 0},
		"finds it too long":     {func(w http.ResponseWriter, _ *http.Request) { write(w, 413, "{}") }, 0},
		"says too much":         {func(w http.ResponseWriter, _ *http.Request) { write(w, 200, `"`+strings.Repeat("x", 2000)+`"`) }, 0},
		"has nothing to regret": {func(w http.ResponseWriter, _ *http.Request) { write(w, 200, `{}`) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			s := serve(t, c.do)
			server := newServer(t, s.URL, func(o *Options) {
				o.Rest, o.Timeout, o.Pacer.Now = 10*time.Second, 50*time.Millisecond, func() time.Time { return now }
			})
			_, first := server.Ask(t.Context(), 1)
			require.False(t, Resting(first))
			if c.rests > 0 {
				for _, after := range []time.Duration{0, c.rests - time.Millisecond} {
					now = now.Add(after)
					_, err := server.Ask(t.Context(), 1)
					require.True(t, Resting(err), "%v", err)
					require.Equal(t, fault.Unavailable, fault.KindOf(err))
				}
				require.EqualValues(t, 1, s.times.Load())
			}
			now = now.Add(time.Millisecond)
			_, err := server.Ask(t.Context(), 1)
			require.False(t, Resting(err))
			require.EqualValues(t, 2, s.times.Load())
		})
	}
	t.Run("a caller who left is not its fault", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
		})
		server := newServer(t, s.URL, func(o *Options) { o.Rest = time.Hour })
		_, err := server.Ask(ctx, 1)
		require.Equal(t, fault.Canceled, fault.KindOf(err))
		require.Zero(t, server.resting.Load())
	})
}

func TestPacer(t *testing.T) {
	p := Pacer{Jitter: func() float64 { return 0 }}.withDefaults()
	for n, want := range []time.Duration{250, 500, 1000, 2000, 4000, 4000, 4000} {
		got, ok := p.delay(n, nil)
		require.True(t, ok)
		require.Equal(t, want*time.Millisecond, got, "retry %d", n)
	}
	p.Jitter = func() float64 { return 0.5 }
	got, ok := p.delay(0, http.Header{})
	require.True(t, ok)
	require.Equal(t, 375*time.Millisecond, got)

	require.NoError(t, wait(t.Context(), 0))
	ended, end := context.WithCancel(t.Context())
	end()
	require.ErrorIs(t, wait(ended, time.Hour), context.Canceled, "a wait ends with its context")
}

// The log says why a server cannot be reached. Callers are told what to do. Neither contains the path of the address,
// which may contain a secret.
func TestWhyAServerCannotBeReachedIsInTheLog(t *testing.T) {
	s, err := New(Options{
		Name: "test server", URL: "http://user:password@127.0.0.1:1/hidden", Path: "ask", Model: "m", Settings: "LETHE_TEST", Timeout: time.Second, MaxAnswer: 1 << 10,
	})
	require.NoError(t, err)
	_, err = s.Ask(t.Context(), map[string]string{"text": "private"})
	require.ErrorContains(t, err, "refused")
	for _, secret := range []string{"hidden", "password", "private"} {
		require.NotContains(t, err.Error(), secret)
	}
	require.NotContains(t, fault.Message(err), "refused")
	require.Contains(t, fault.Message(err), "cannot be reached; check that it runs and that LETHE_TEST_URL is right")
}
