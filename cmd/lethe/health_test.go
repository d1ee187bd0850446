package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// health runs the command like the health check of a container.
func health(t *testing.T, args []string, environ ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, log strings.Builder
	environ = append(environ, "LETHE_DATA_DIR="+t.TempDir())
	code = run(t.Context(), append([]string{"health"}, args...), environ, &out, &log)
	return code, out.String(), log.String()
}

// answering is a service that only answers the readiness check.
func answering(t *testing.T, handler http.HandlerFunc) (addr string) {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestHealthOfAReadyService(t *testing.T) {
	addr := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" || !strings.HasPrefix(r.Host, "127.0.0.1:") {
			w.WriteHeader(http.StatusForbidden)
		}
	})
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)

	// Every form of the address to listen on includes loopback.
	for _, listening := range []string{addr, "0.0.0.0:" + port, ":" + port, "[::]:" + port} {
		t.Run(listening, func(t *testing.T) {
			code, stdout, stderr := health(t, nil, "LETHE_ADDR="+listening)
			require.Equal(t, exitOK, code, stderr)
			require.Equal(t, "ready\n", stdout)
			require.Empty(t, stderr)
		})
	}
}

func TestHealthOfAServiceThatIsNotReady(t *testing.T) {
	addr := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"error":"the store is not answering"}`))
	})
	code, stdout, stderr := health(t, nil, "LETHE_ADDR="+addr)
	require.Equal(t, exitFailure, code)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "503 Service Unavailable, the store is not answering")
}

func TestHealthOfSomethingElse(t *testing.T) {
	addr := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte("<html>"))
	})
	code, _, stderr := health(t, nil, "LETHE_ADDR="+addr)
	require.Equal(t, exitFailure, code)
	require.Contains(t, stderr, "404 Not Found, without a reason")
}

func TestHealthWhenNothingListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := listener.Addr().String()
	require.NoError(t, listener.Close())

	code, _, stderr := health(t, nil, "LETHE_ADDR="+addr)
	require.Equal(t, exitFailure, code)
	require.Contains(t, stderr, "`lethe serve` starts one")
}

func TestHealthWaitsNoLongerThanTold(t *testing.T) {
	addr := answering(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	code, _, stderr := health(t, []string{"--timeout", "50ms"}, "LETHE_ADDR="+addr)
	require.Equal(t, exitFailure, code)
	require.Contains(t, stderr, "did not answer within 50ms")
}

// A service with a configured host name refuses every other one.
func TestHealthUsesANameThatTheServiceAllows(t *testing.T) {
	addr := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "lethe.example.com" {
			w.WriteHeader(http.StatusForbidden)
		}
	})
	code, _, stderr := health(t, nil, "LETHE_ADDR="+addr, "LETHE_ALLOWED_HOSTS=lethe.example.com,other.example.com")
	require.Equal(t, exitOK, code, stderr)
}

func TestHealthOfABadConfiguration(t *testing.T) {
	code, _, stderr := health(t, nil, "LETHE_ADDR=nonsense")
	require.Equal(t, exitFailure, code)
	require.Contains(t, stderr, "LETHE_ADDR")
}

// Without LETHE_ADDR the command finds the user's running service on any port. With LETHE_ADDR it asks only there, as
// in a container.
func TestHealthFindsTheServiceByItself(t *testing.T) {
	db := storetest.New(t, storetest.SQLite)
	runtime := "LETHE_RUNTIME_DIR=" + filepath.Join(t.TempDir(), "run")
	service := between(t, strings.Join(serving(t, db, runtime), "\n"), "listening on ", "\n")
	code, stdout, stderr := health(t, nil, runtime)
	require.Equal(t, exitOK, code, stderr)
	require.Equal(t, "ready\n", stdout)

	code, _, stderr = health(t, nil, runtime, "LETHE_ADDR=127.0.0.1:1")
	require.Equal(t, exitFailure, code)
	require.Contains(t, stderr, "http://127.0.0.1:1")

	second := between(t, strings.Join(serving(t, storetest.New(t, storetest.SQLite), runtime), "\n"), "listening on ", "\n")
	code, _, stderr = health(t, nil, runtime)
	require.Equal(t, exitFailure, code)
	require.Contains(t, stderr, "you run 2 services on this machine")
	for _, address := range []string{service, second} {
		code, _, stderr = health(t, []string{"--url", address}, runtime)
		require.Equal(t, exitOK, code, stderr)
	}
}
