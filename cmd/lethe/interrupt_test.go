//go:build unix

package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// silence is standard input without typed text. It signals when a read after the first few bytes begins.
type silence struct {
	typed  io.Reader
	asked  chan struct{}
	once   sync.Once
	closed chan struct{}
}

func silent(t *testing.T, typed string) *silence {
	t.Helper()
	s := &silence{typed: strings.NewReader(typed), asked: make(chan struct{}), closed: make(chan struct{})}
	t.Cleanup(func() { close(s.closed) })
	return s
}

// Read returns what is typed, and then nothing until the test ends.
func (s *silence) Read(p []byte) (int, error) {
	if n, err := s.typed.Read(p[:1]); err == nil {
		return n, nil
	}
	s.once.Do(func() { close(s.asked) })
	<-s.closed
	return 0, io.EOF
}

// Every command that waits for a user ends when it is interrupted, and says what was done.
func TestAnInterruptEndsWhateverACommandWaitsFor(t *testing.T) {
	db := storetest.New(t, storetest.SQLite)
	service := apptest.Start(t, db)
	id := service.Upload(t, "1", "one")
	never := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	t.Cleanup(never.Close)
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))

	for name, c := range map[string]struct {
		terminal bool
		typed    string
		url      string
		args     []string
		says     string
	}{
		"the question for a file":   {true, "", service.URL, []string{"delete", id}, "interrupted; nothing was deleted"},
		"the question whether":      {true, "\n", service.URL, []string{"delete", id}, "interrupted; nothing was deleted"},
		"the same of a filter":      {true, "\n", service.URL, []string{"delete", "--all"}, "interrupted; nothing was deleted"},
		"the same of a workspace":   {true, "\n", "", []string{"workspaces", "delete", "default"}, "interrupted; nothing was deleted"},
		"ids from standard input":   {false, id + "\n", service.URL, []string{"delete", "-"}, "interrupted; nothing was deleted"},
		"ids typed at a terminal":   {true, id, service.URL, []string{"delete", "-"}, "interrupted; nothing was deleted"},
		"a file on standard input":  {false, `{"conversation":{`, service.URL, []string{"import", "-"}, "interrupted; 0 conversations were stored. To store the rest, import again"},
		"a pipe that nobody writes": {false, "", service.URL, []string{"import", pipe}, "interrupted"},
		"a service that is silent":  {false, "", never.URL, []string{"search", "words"}, "interrupted"},
		"a delete that was sent":    {false, "", never.URL, []string{"delete", id}, "interrupted; the delete was already sent"},
		"an export to a file":       {false, "", never.URL, []string{"export", "--out", filepath.Join(t.TempDir(), "f")}, "/f was not written"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, interrupt := context.WithCancelCause(t.Context())
			in := silent(t, c.typed)
			var out, said strings.Builder
			p := &program{environ: append(db.Environ(), "LETHE_API_KEY="+apptest.Key), stdout: &out, stderr: &said, stdin: in, terminal: c.terminal}
			if args := c.args; args[len(args)-1] != pipe { // the one wait that no context ends
				p.patience = time.Hour
			}
			args := c.args
			if c.url != "" {
				args = append(args, "--url", c.url)
			}
			ended := make(chan int, 1)
			go func() { ended <- p.run(ctx, args) }()
			if c.terminal || args[len(args)-3] == "-" {
				<-in.asked
			}
			interrupt(errInterrupted)
			select {
			case code := <-ended:
				require.Equal(t, exitInterrupted, code, said.String())
			case <-time.After(patience):
				require.Fail(t, "it does not end")
			}
			require.Contains(t, said.String(), c.says)
			n, err := service.Client.Count(t.Context())
			require.NoError(t, err)
			require.Equal(t, 1, n)
		})
	}
}

// Both signals end a real waiting process, and its exit code says so.
func TestSignalsEndACommand(t *testing.T) {
	for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		t.Run(sig.String(), func(t *testing.T) {
			begun := make(chan struct{}, 1)
			service := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				begun <- struct{}{}
				<-r.Context().Done()
			}))
			t.Cleanup(service.Close)
			self, err := os.Executable()
			require.NoError(t, err)
			lethe := exec.CommandContext(t.Context(), self, mainArgument, "import", "-", "--url", service.URL)
			lethe.Env = []string{"LETHE_DATA_DIR=" + t.TempDir(), "LETHE_API_KEY=" + apptest.Key}
			var stderr strings.Builder
			lethe.Stderr = &stderr
			require.NoError(t, lethe.Start())
			<-begun
			require.NoError(t, lethe.Process.Signal(sig))
			ended := make(chan error, 1)
			go func() { ended <- lethe.Wait() }()
			select {
			case err := <-ended:
				require.Error(t, err)
				require.Equal(t, exitInterrupted, lethe.ProcessState.ExitCode(), stderr.String())
				require.Contains(t, stderr.String(), "lethe: interrupted; 0 conversations were stored")
			case <-time.After(patience):
				require.Fail(t, "it does not end")
			}
		})
	}
}
