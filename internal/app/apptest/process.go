package apptest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// childArgument makes the test binary run the service instead of the tests.
const childArgument = "apptest-serve"

// Main is the TestMain of a package that calls StartProcess.
func Main(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == childArgument {
		serve()
		return
	}
	os.Exit(m.Run()) //nolint:forbidigo // a TestMain must call it
}

// serve runs the service in a process of its own, until SIGTERM or until its parent
// process ends.
func serve() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	ctx, abandon := context.WithCancel(ctx)
	defer abandon()
	input := bufio.NewReader(os.Stdin)
	var s settings
	line, err := input.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &s)
	}
	if err == nil {
		go func() {
			_, _ = input.ReadByte() // the parent sends nothing more: this returns when the parent closes the pipe or ends
			abandon()
		}()
		err = run(ctx, s, os.Stderr, func(started app.Started) { fmt.Fprintln(os.Stdout, started.URL) })
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ended with:", err)
		os.Exit(1) //nolint:forbidigo // this is the child's main
	}
}

// Process is a service in a process of its own.
type Process struct {
	*Service
	cmd   *exec.Cmd
	stdin io.Closer
}

// StartProcess runs the program in a process of its own, until it is killed or stopped,
// or the test ends. The package's TestMain must call Main.
func StartProcess(t testing.TB, db storetest.Database, opts ...Option) *Process {
	t.Helper()
	p, url := launch(t, db, opts)
	select {
	case u := <-url:
		p.connect(t, u)
	case <-p.done:
		require.Fail(t, "the process did not start", "%v\n%s", p.err, p.log)
	case <-time.After(Patience):
		require.Fail(t, "the process did not start in time", p.log.String())
	}
	return p
}

// KillWhileStarting runs the program in a process of its own and ends it with SIGKILL after a delay. The
// delay begins when the log has the text, or with the process if the text is empty; if the program is ready
// first, it ends then.
func KillWhileStarting(t testing.TB, db storetest.Database, logged string, delay time.Duration, opts ...Option) {
	t.Helper()
	p, url := launch(t, db, opts)
	for logged != "" && len(url) == 0 && !strings.Contains(p.log.String(), logged) {
		<-time.After(time.Millisecond)
	}
	select {
	case <-url:
	case <-time.After(delay):
	}
	p.Kill(t)
}

// launch starts the process. Its address comes through the channel when it is ready.
func launch(t testing.TB, db storetest.Database, opts []Option) (*Process, <-chan string) {
	t.Helper()
	s := newSettings(db, opts)
	if s.embedder != nil {
		s.Environ = append(s.Environ, Embeddings(t, s.embedder)...)
	}
	spec, err := json.Marshal(s)
	require.NoError(t, err)
	p := &Process{Service: &Service{db: db, log: &buffer{}, done: make(chan struct{})}}
	self, err := os.Executable()
	require.NoError(t, err)
	p.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), self, childArgument)
	p.cmd.Stderr = p.log
	stdin, err := p.cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	p.stdin = stdin
	p.cancel = func() { _ = p.cmd.Process.Signal(syscall.SIGTERM) } // it may have ended already
	t.Cleanup(func() { p.kill(t) })
	_, err = stdin.Write(append(spec, '\n'))
	require.NoError(t, err)

	url := make(chan string, 1)
	go func() {
		defer close(p.done)
		out := bufio.NewScanner(stdout)
		if out.Scan() {
			url <- out.Text()
		}
		_, _ = io.Copy(io.Discard, stdout)
		p.err = p.cmd.Wait()
	}()
	return p, url
}

// Kill ends the process with SIGKILL and waits until it has ended. On PostgreSQL it also
// waits until the server has closed its connections, so that its transactions are
// committed or rolled back.
func (p *Process) Kill(t testing.TB) {
	t.Helper()
	p.kill(t)
	Await(t, "the database has closed the connections of the process", func(context.Context) (bool, error) { return p.db.Connections(t) == 0, nil })
}

// Die is like Kill, but does not wait for the database server.
func (p *Process) Die(t testing.TB) {
	t.Helper()
	p.kill(t)
}

func (p *Process) kill(t testing.TB) {
	t.Helper()
	_ = p.cmd.Process.Kill() // it may have ended already
	select {
	case <-p.done:
	case <-time.After(Patience):
		require.Fail(t, "the process did not end")
	}
	_ = p.stdin.Close()
}

// Embeddings starts an embeddings server with OpenAI's API that uses e, until the test
// ends. It returns the settings that make a service use it.
func Embeddings(t testing.TB, e embed.Embedder) []string {
	t.Helper()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request struct{ Input []string }
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		vectors, err := e.Embed(r.Context(), request.Input)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		type item struct {
			Index     int       `json:"index"`
			Embedding []float32 `json:"embedding"`
		}
		var answer struct {
			Data []item `json:"data"`
		}
		for i, v := range vectors {
			answer.Data = append(answer.Data, item{i, v})
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer) // the caller may have been killed, which tests do
	}))
	t.Cleanup(web.Close)
	return []string{"LETHE_EMBEDDER=openai", "LETHE_EMBEDDINGS_URL=" + web.URL, "LETHE_EMBEDDINGS_MODEL=apptest"}
}
