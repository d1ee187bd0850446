// Package faulty has servers that fail in many ways, for tests of the clients of model servers. It does not know what
// is asked.
package faulty

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Servers returns the addresses of servers that fail. The name of each says how it fails. They end with the test.
func Servers(t testing.TB) map[string]string {
	t.Helper()
	addresses := map[string]string{}
	for name, answer := range answers {
		addresses[name] = serve(t, answer)
	}
	refused := httptest.NewServer(http.NotFoundHandler())
	refused.Close()
	addresses["refuses connections"] = refused.URL
	return addresses
}

var answers = map[string]http.HandlerFunc{
	"hangs": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	"drips": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for {
			if _, err := io.WriteString(w, " "); err != nil || r.Context().Err() != nil {
				return
			}
			_ = http.NewResponseController(w).Flush() // if it fails, the next write fails too
		}
	},
	"dies in the middle": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"data": [`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler) // the server closes the connection
	},
	"dies at once":       func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"refuses the key":    status(http.StatusUnauthorized),
	"wants fewer":        status(http.StatusTooManyRequests),
	"has a problem":      status(http.StatusInternalServerError),
	"answers a page":     says("<html><body>Welcome</body></html>"),
	"answers nothing":    says(""),
	"answers null":       says("null"),
	"answers another":    says(`{"models": ["one", "two"]}`),
	"answers a list":     says(`[1, 2, 3]`),
	"answers half a one": says(`{"data": [{"embedding": [0.1`),
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

// serve starts a server that reads each request before it fails. Without reading it
// would not notice that the client has left.
func serve(t testing.TB, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}
