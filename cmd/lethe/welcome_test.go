package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
)

// patience is the time limit for anything that a test waits for.
const patience = 30 * time.Second

// serving runs `lethe serve` on a free port and returns the lines that it prints until it is ready. It stops when the
// test ends, and must end without an error.
func serving(t *testing.T, db storetest.Database, environ ...string) (said []string) {
	t.Helper()
	said, _ = servingUntil(t, db, environ...)
	return said
}

// servingUntil is serving, and also returns a function that stops the service before the test ends.
func servingUntil(t *testing.T, db storetest.Database, environ ...string) (said []string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	stdout, write := io.Pipe()
	var stderr strings.Builder // read when run has returned
	ended := make(chan int, 1)
	go func() {
		code := run(ctx, []string{"serve"}, append(append(db.Environ(), "LETHE_ADDR=127.0.0.1:0", "LETHE_LOG_LEVEL=error"), environ...), write, &stderr)
		_ = write.Close()
		ended <- code
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case code := <-ended:
			require.Equal(t, exitOK, code, stderr.String())
			require.Empty(t, stderr.String())
		case <-time.After(patience):
			require.Fail(t, "it does not stop")
		}
	})
	t.Cleanup(stop)
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scan := bufio.NewScanner(stdout); scan.Scan(); {
			lines <- scan.Text()
		}
	}()
	for timeout := time.After(patience); ; {
		select {
		case line, ok := <-lines:
			require.True(t, ok, "it ended")
			said = append(said, line)
			if strings.Contains(line, "Ctrl-C") {
				return said, stop
			}
		case <-timeout:
			require.Fail(t, "it does not start", said)
		}
	}
}

// trialLine returns the line that users are told to paste.
func trialLine(t *testing.T, said []string) string {
	t.Helper()
	for i, line := range said {
		if strings.HasPrefix(line, "Try it") {
			require.Greater(t, len(said), i+2)
			return said[i+2]
		}
	}
	require.Fail(t, "it suggests nothing to try", said)
	return ""
}

// paste runs a line in a shell, as a user would, and returns what it prints.
func paste(t *testing.T, line string, environ ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-c", line)
	shell.Env = append(shell.Environ(), environ...)
	var stderr strings.Builder
	shell.Stderr = &stderr
	out, err := shell.Output()
	require.NoError(t, err, "%s\n%s", out, stderr.String())
	require.Empty(t, stderr.String())
	return string(out)
}

// tried checks the output of the pasted line: it found the conversation that it uploaded, and then deleted it.
func tried(t *testing.T, printed string) {
	t.Helper()
	answers := json.NewDecoder(strings.NewReader(printed))
	var found api.SearchAnswer
	require.NoError(t, answers.Decode(&found), printed)
	require.NotEmpty(t, found.Results, "it finds what it uploaded")
	require.Contains(t, found.Results[0].Passage, "flowerpot")
	require.Equal(t, api.SearchModeHybrid, found.Mode)
	var deleted api.DeleteAnswer
	require.NoError(t, answers.Decode(&deleted), printed)
	require.Equal(t, api.DeleteAnswer{Deleted: []string{found.Results[0].ConversationID}, Count: 1}, deleted)
	require.False(t, answers.More(), printed)
}

// The first start creates a key and shows it, with a line that works with it. The second start shows no key.
func TestWelcomeOfAFirstStart(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		said := serving(t, db)
		line := trialLine(t, said)
		var key string
		for _, l := range said {
			if strings.HasPrefix(strings.TrimSpace(l), "lethe_") {
				require.Empty(t, key, "one key")
				key = strings.TrimSpace(l)
			}
		}
		require.NotEmpty(t, key)
		require.Contains(t, line, "Bearer "+key)
		tried(t, paste(t, line))
		tried(t, paste(t, line)) // pasting it again works too
		require.Empty(t, db.Damage(t))
		require.Zero(t, db.Rows(t)["conversations"])

		again := strings.Join(serving(t, db), "\n")
		require.NotContains(t, again, "lethe_")
		require.Contains(t, again, "$LETHE_KEY")
	})
}

// With a configured key, no key is created, and the line has the variable instead of the secret.
func TestWelcomeWithAKeyOfTheConfiguration(t *testing.T) {
	const key = "LETHE_API_KEY=a-key-of-the-configuration"
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		said := serving(t, db, key)
		require.NotContains(t, strings.Join(said, "\n"), "lethe_")
		require.NotContains(t, strings.Join(said, "\n"), "a-key-of")
		tried(t, paste(t, trialLine(t, said), key))
		require.Zero(t, db.Rows(t)["api_keys"])
	})
}
