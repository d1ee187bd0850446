package main

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/client"
)

// mainArgument turns the test's own program into lethe.
const mainArgument = "run-lethe"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == mainArgument {
		os.Args = append(os.Args[:1], os.Args[2:]...)
		main()
	}
	os.Exit(m.Run()) //nolint:forbidigo // what a TestMain is for
}

// The process stops with exit code 0 on the signals of a terminal and of an init system, also while it is working,
// and no work is lost.
func TestSignalsStopTheProcess(t *testing.T) {
	for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		t.Run(sig.String(), func(t *testing.T) {
			db := storetest.New(t, storetest.SQLite)
			gate := apptest.NewGate()
			gate.Shut()
			self, err := os.Executable()
			require.NoError(t, err)
			lethe := exec.CommandContext(t.Context(), self, mainArgument, "serve")
			lethe.Env = append(append(db.Environ(), apptest.Embeddings(t, gate)...),
				"LETHE_ADDR=127.0.0.1:0", "LETHE_API_KEY="+apptest.Key, "LETHE_SHUTDOWN_TIMEOUT=200ms", "LETHE_LOG_LEVEL=error")
			var stderr strings.Builder
			lethe.Stderr = &stderr
			stdout, err := lethe.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, lethe.Start())
			out := bufio.NewReader(stdout)
			first, err := out.ReadString('\n')
			require.NoError(t, err, stderr.String())
			_, url, found := strings.Cut(strings.TrimSpace(first), "listening on ")
			require.True(t, found, first)
			c, err := client.New(url, apptest.Key)
			require.NoError(t, err)
			answer, err := c.Upload(t.Context(), apptest.Conversation("interrupted", "hello", "hello"))
			require.NoError(t, err)
			gate.Arrived(t)

			require.NoError(t, lethe.Process.Signal(sig))
			ended := make(chan error, 1)
			go func() {
				_, _ = out.WriteTo(&strings.Builder{}) // reads to the end before Wait closes it
				ended <- lethe.Wait()
			}()
			select {
			case err := <-ended:
				require.NoError(t, err, stderr.String())
				require.Empty(t, stderr.String())
			case <-time.After(patience):
				require.Fail(t, "it does not stop")
			}
			apptest.Start(t, db).Ready(t, answer.ConversationID)
		})
	}
}
