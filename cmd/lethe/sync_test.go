//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/agentsync"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// agents is the home folder of a user of Claude Code.
type agents struct {
	t    *testing.T
	home string
}

func newAgents(t *testing.T) agents {
	t.Helper()
	a := agents{t, t.TempDir()}
	require.NoError(t, os.MkdirAll(filepath.Dir(a.file("s")), 0o700))
	return a
}

func (a agents) file(session string) string {
	return filepath.Join(a.home, ".claude", "projects", "-work", session+".jsonl")
}

// writes appends a prompt and its answer to a session, as its n-th turn from 0.
func (a agents) writes(session string, n int, prompt, answer string) {
	a.t.Helper()
	file, err := os.OpenFile(a.file(session), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(a.t, err)
	parent := "null"
	if n > 0 {
		parent = fmt.Sprintf(`"%s-a%d"`, session, n-1)
	}
	const line = `{"type":%q,"uuid":%q,"parentUuid":%s,"sessionId":%q,"cwd":"/work","timestamp":"2026-05-17T10:%02d:%02dZ","message":{"role":%q,"content":%q}}` + "\n"
	id := fmt.Sprintf("%s-u%d", session, n)
	fmt.Fprintf(file, line, "user", id, parent, session, n, 0, "user", prompt)
	fmt.Fprintf(file, line, "assistant", fmt.Sprintf("%s-a%d", session, n), `"`+id+`"`, session, n, 1, "assistant", answer)
	require.NoError(a.t, file.Close())
}

func TestSyncBringsSessionsAndLeavesWhatWasDeleted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		a := newAgents(t)
		runtime := "LETHE_RUNTIME_DIR=" + filepath.Join(t.TempDir(), "run")
		u := user{t, append(db.Environ(), runtime, "HOME="+a.home)}
		a.writes("s1", 0, "Where is the spare key?", "Under the flowerpot.")
		a.writes("s2", 0, "What is for dinner?", "Soup.")
		out, stderr := u.lethe(exitOK, nil, "sync", "--dry-run")
		require.Contains(t, out, "2 conversations of 2 session files would be stored")
		require.Empty(t, stderr)
		_, stderr = u.lethe(exitFailure, nil, "sync", "--once", "--yes")
		require.Contains(t, stderr, "no service answers")

		serving(t, db, runtime)
		_, stderr = u.lethe(exitOK, nil, "sync", "--once")
		require.Empty(t, stderr, "it was agreed before")
		out, _ = u.lethe(exitOK, nil, "list")
		require.Contains(t, out, "Where is the spare key?")
		require.Contains(t, out, "What is for dinner?")

		var listed struct {
			Items []struct{ ID, Title string }
		}
		out, _ = u.lethe(exitOK, nil, "list", "--json")
		require.NoError(t, json.Unmarshal([]byte(out), &listed))
		require.Len(t, listed.Items, 2)
		for _, c := range listed.Items {
			if strings.HasPrefix(c.Title, "What is for dinner") {
				u.lethe(exitOK, nil, "delete", c.ID, "--yes")
			}
		}
		// Both sessions continue. Deleted conversations stay deleted, also when everything is read again.
		a.writes("s1", 1, "And the cellar?", "On the hook.")
		a.writes("s2", 1, "And for lunch?", "Bread.")
		out, _ = u.lethe(exitOK, nil, "sync", "--once")
		require.Contains(t, out, "Stored 1 conversation; left 1 deleted.")
		out, _ = u.lethe(exitOK, nil, "sync", "--once", "--again")
		require.Contains(t, out, "Stored 1 conversation; left 1 deleted.")
		// A session that the agent deletes stays in Lethe.
		require.NoError(t, os.Remove(a.file("s1")))
		u.lethe(exitOK, nil, "sync", "--once")
		out, _ = u.lethe(exitOK, nil, "export")
		for _, text := range []string{"flowerpot", "And the cellar?", "On the hook."} {
			require.Contains(t, out, text)
		}
		require.NotContains(t, out, "Soup")
		require.Contains(t, out, `"platform":"claude-code"`)
		require.Contains(t, out, `"project":"/work"`)
	})
}

// A line that an agent writes is in Lethe shortly afterwards, and the command stops without an error.
func TestSyncFollowsASession(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		a := newAgents(t)
		runtime := "LETHE_RUNTIME_DIR=" + filepath.Join(t.TempDir(), "run")
		environ := append(db.Environ(), runtime, "HOME="+a.home)
		u := user{t, environ}
		a.writes("s1", 0, "Where is the spare key?", "Under the flowerpot.")

		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		read, write := io.Pipe()
		p := &program{environ: environ, stdout: write, stderr: io.Discard, stdin: strings.NewReader(""), timing: agentsync.Timing{FirstTry: time.Millisecond}}
		ended := make(chan int, 1)
		go func() {
			ended <- p.run(ctx, []string{"sync", "--yes", "--json"})
			_ = write.Close()
		}()
		events := make(chan agentsync.Event, 1000)
		go func() {
			defer close(events)
			for scan := bufio.NewScanner(read); scan.Scan(); {
				var e agentsync.Event
				if json.Unmarshal(scan.Bytes(), &e) == nil {
					events <- e
				}
			}
		}()
		await := func(kind agentsync.Kind) {
			for timeout := time.After(patience); ; {
				select {
				case e, open := <-events:
					require.True(t, open, "it ended")
					if e.Kind == kind {
						return
					}
				case <-timeout:
					require.Fail(t, "it does not come", kind)
				}
			}
		}
		await(agentsync.Waiting) // no service is running yet
		serving(t, db, runtime)
		await(agentsync.Watching)
		a.writes("s1", 1, "And the cellar?", "On the hook.")
		await(agentsync.Sent)
		out, _ := u.lethe(exitOK, nil, "export")
		require.Contains(t, out, "Under the flowerpot.")
		require.Contains(t, out, "On the hook.")
		_, stderr := u.lethe(exitFailure, nil, "sync", "--once")
		require.Contains(t, stderr, fmt.Sprintf("another `lethe sync` (process %d) is running", os.Getpid()))
		u.lethe(exitOK, nil, "sync", "--dry-run")
		stop()
		require.Equal(t, exitOK, <-ended)
		u.lethe(exitOK, nil, "sync", "--once")
	})
}

func TestSyncAsksOnce(t *testing.T) {
	a := newAgents(t)
	a.writes("s1", 0, "Where is the spare key?", "Under the flowerpot.")
	u := user{t, []string{"HOME=" + a.home, "LETHE_RUNTIME_DIR=" + t.TempDir(), "LETHE_ADDR=127.0.0.1:1"}}
	_, stderr := u.lethe(exitFailure, nil, "sync", "--once")
	require.Contains(t, stderr, "Found Claude Code: 1 session in "+filepath.Join(a.home, ".claude", "projects"))
	require.Contains(t, stderr, "add --yes")
	_, stderr = u.lethe(exitFailure, new("n\n"), "sync", "--once")
	require.Contains(t, stderr, "[Y/n]")
	require.Contains(t, stderr, "you said no")
	_, stderr = u.lethe(exitFailure, new("y\n"), "sync", "--once")
	require.NotContains(t, stderr, "[Y/n]", "the answer is remembered")

	require.NoError(t, os.MkdirAll(filepath.Join(a.home, ".codex", "sessions"), 0o700))
	_, stderr = u.lethe(exitOK, new("y\n"), "sync", "--once") // it has no sessions to send
	require.Contains(t, stderr, "Found Codex")
	require.NotContains(t, stderr, "Found Claude Code")

	_, stderr = u.lethe(exitFailure, nil, "sync", "--once", "--yes")
	require.Contains(t, stderr, "no service answers", "what was refused is wanted now")

	nobody := user{t, []string{"HOME=" + t.TempDir(), "LETHE_RUNTIME_DIR=" + t.TempDir()}}
	_, stderr = nobody.lethe(exitFailure, nil, "sync")
	require.Contains(t, stderr, "no sessions of a coding agent were found")
	_, stderr = nobody.lethe(exitFailure, nil, "sync", "--source", "codx")
	require.Contains(t, stderr, "did you mean codex?")
}
