//go:build unix

package main

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// A service that is about to stop answers that it is not ready, also on new connections. A second signal ends it at
// once.
func TestAStopIsToldBeforeItHappens(t *testing.T) {
	db := storetest.New(t, storetest.SQLite)
	self, err := os.Executable()
	require.NoError(t, err)
	lethe := exec.CommandContext(t.Context(), self, mainArgument, "serve")
	lethe.Env = append(db.Environ(), "LETHE_ADDR=127.0.0.1:0", "LETHE_API_KEY="+apptest.Key, "LETHE_SHUTDOWN_DELAY=10m", "LETHE_EMBEDDER=none")
	var stderr strings.Builder
	lethe.Stderr = &stderr
	stdout, err := lethe.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, lethe.Start())
	first, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	_, url, found := strings.Cut(strings.TrimSpace(first), "listening on ")
	require.True(t, found, first)
	status := func(path string) int {
		anew := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		response, err := anew.Get(url + path)
		require.NoError(t, err, "it does not answer any more")
		require.NoError(t, response.Body.Close())
		return response.StatusCode
	}
	require.Equal(t, http.StatusOK, status("/readyz"))
	require.NoError(t, lethe.Process.Signal(syscall.SIGTERM))
	for until := time.Now().Add(patience); status("/readyz") != http.StatusServiceUnavailable; {
		require.True(t, time.Now().Before(until), "it stays ready")
	}
	require.Equal(t, http.StatusOK, status("/healthz"))

	require.NoError(t, lethe.Process.Signal(os.Interrupt))
	ended := make(chan error, 1)
	go func() { ended <- lethe.Wait() }()
	select {
	case err := <-ended:
		require.Error(t, err)
		require.Equal(t, exitInterrupted, lethe.ProcessState.ExitCode(), stderr.String())
		require.Contains(t, stderr.String(), "stopped at once, by a second signal")
	case <-time.After(patience):
		require.Fail(t, "a second signal does not end it")
	}
}
