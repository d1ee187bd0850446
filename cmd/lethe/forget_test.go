package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// shell runs the command line against a service, with or without a user at the terminal.
type shell struct {
	t        *testing.T
	environ  []string
	url, key string
}

func (s shell) run(want int, typed *string, args ...string) (stdout, stderr string) {
	s.t.Helper()
	var out, said strings.Builder
	p := &program{environ: append(s.environ, "LETHE_API_KEY="+s.key), stdout: &out, stderr: &said, stdin: strings.NewReader("")}
	if typed != nil {
		p.terminal, p.stdin = true, strings.NewReader(*typed)
	}
	require.Equal(s.t, want, p.run(s.t.Context(), args), "%v\n%s", args, said.String())
	return out.String(), said.String()
}

// TestForgetting tests all ways to delete, and the one way to restore.
func TestForgetting(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		said := strings.Join(serving(t, db), "\n")
		s := shell{t: t, environ: db.Environ(), url: between(t, said, "listening on ", "\n"), key: strings.TrimSpace(between(t, said, "makes more):", "Try it"))}
		c, err := client.New(s.url, s.key)
		require.NoError(t, err)
		remote := func(args ...string) []string { return append(args, "--url", s.url) }
		upload := func(platform, id, title string) string {
			done, err := c.Upload(t.Context(), api.UploadRequest{Platform: &platform, Conversation: api.UploadedChat{
				ID: id, Title: &title, Messages: []api.UploadedMessage{{Role: "human", Content: "hello " + id}},
			}})
			require.NoError(t, err)
			return done.ConversationID
		}
		one, two, three := upload("chatgpt", "1", "Lisbon"), upload("chatgpt", "2", "Porto"), upload("claude", "3", "Lisbon again")
		dir := t.TempDir()
		file := func(name string) string { return filepath.Join(dir, name) }
		read := func(name string) string {
			data, err := os.ReadFile(file(name))
			require.NoError(t, err)
			return string(data)
		}

		for wrong, args := range map[string][]string{
			"no conversations are selected": {"delete"},
			"not both":                      {"delete", one, "--title", "x"},
			"--from must be":                {"delete", "--from", "yesterday"},
			"add --yes":                     {"delete", "--platform", "chatgpt"},
			"no conversation matches":       {"delete", "--platform", "gemini", "--yes"},
		} {
			_, stderr := s.run(exitFailure, nil, remote(args...)...)
			require.Contains(t, stderr, wrong)
		}
		out, _ := s.run(exitOK, nil, remote("delete", "--platform", "chatgpt", "--dry-run")...)
		require.Equal(t, "2 conversations would be deleted.\n", out)

		// The user is asked, and answers no, or nothing.
		for _, typed := range []string{"", "\n", "\nn\n", "\nnope\n"} {
			_, stderr := s.run(exitFailure, &typed, remote("delete", "--platform", "chatgpt")...)
			require.Contains(t, stderr, "nothing was deleted")
			_, stderr = s.run(exitFailure, &typed, remote("delete", one)...)
			require.Contains(t, stderr, "There is no undo")
		}
		n, err := c.Count(t.Context())
		require.NoError(t, err)
		require.Equal(t, 3, n)

		// The user keeps a copy, which is complete before anything is deleted.
		typed := file("two.jsonl") + "\ny\n"
		out, _ = s.run(exitOK, &typed, remote("delete", "--title", "porto", "--exclude")...)
		require.Equal(t, two+"\n", out)
		require.Contains(t, read("two.jsonl"), `"hello 2"`)
		require.Equal(t, 1, strings.Count(read("two.jsonl"), "\n"))
		info, err := os.Stat(file("two.jsonl"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		_, stderr := s.run(exitFailure, nil, remote("delete", one, "--export", file("two.jsonl"))...)
		require.Contains(t, stderr, "exists")
		_, stderr = s.run(exitFailure, nil, remote("delete", one, "--export", file("none/x"))...)
		require.Contains(t, stderr, "cannot be written")
		out, _ = s.run(exitOK, nil, remote("delete", one, "--export", file("one.jsonl"))...)
		require.Equal(t, one+"\n", out)

		// To restore: lift the exclusion and import the lines again.
		out, _ = s.run(exitOK, nil, remote("lift", "--platform", "chatgpt", "2")...)
		require.Contains(t, out, "Lifted 1 of 1 exclusion")
		require.Equal(t, three, strings.TrimSpace(first(s.run(exitOK, nil, remote("delete", "--all", "--yes")...))))
		out, _ = s.run(exitOK, nil, remote("export")...)
		require.Empty(t, out)

		_, stderr = s.run(exitFailure, nil, "workspaces", "delete", "nobody", "--yes")
		require.Contains(t, stderr, "lethe workspaces list")
		upload("custom", "4", "the last one")
		out, _ = s.run(exitOK, nil, "workspaces", "create", "empty")
		require.Contains(t, out, "empty")
		out, _ = s.run(exitOK, nil, "workspaces", "list")
		require.Regexp(t, `default +1 `, out)
		require.Regexp(t, `empty +0 `, out)
		_, stderr = s.run(exitFailure, nil, "workspaces", "delete", "default")
		require.Contains(t, stderr, "add --yes")
		receipt, _ := s.run(exitOK, nil, "workspaces", "delete", "default", "--yes", "--export", file("all.jsonl"))
		require.Contains(t, read("all.jsonl"), "the last one")
		_, stderr = s.run(exitFailure, nil, remote("list")...)
		require.Contains(t, stderr, "Invalid or revoked API key", "a workspace's keys go with it")

		s.run(exitOK, nil, "reclaim", "--now")
		out, _ = s.run(exitOK, nil, "doctor", "--receipt", strings.TrimSpace(receipt))
		require.Contains(t, out, "remaining messages")
		_, stderr = s.run(exitFailure, nil, "doctor", "--receipt", "x")
		require.Contains(t, stderr, "no receipt")
	})
}

func first(a, _ string) string { return a }

// TestForgettingAMessage is about the command that deletes single messages.
func TestForgettingAMessage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		said := strings.Join(serving(t, db), "\n")
		s := shell{t: t, environ: db.Environ(), url: between(t, said, "listening on ", "\n"), key: strings.TrimSpace(between(t, said, "makes more):", "Try it"))}
		c, err := client.New(s.url, s.key)
		require.NoError(t, err)
		remote := func(args ...string) []string { return append(args, "--url", s.url) }
		u := api.UploadRequest{Conversation: api.UploadedChat{ID: "x", Messages: []api.UploadedMessage{
			{Role: "human", Content: "my password is hunter2"}, {Role: "assistant", Content: "noted"}, {Role: "human", Content: "and the boiler?"},
		}}}
		made, err := c.Upload(t.Context(), u)
		require.NoError(t, err)
		id := made.ConversationID
		out, _ := s.run(exitOK, nil, remote("delete-message", id)...)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		require.Len(t, lines, 4)
		message := strings.Fields(lines[1])[0]

		out, _ = s.run(exitOK, nil, remote("delete-message", id, message, "--dry-run")...)
		require.Regexp(t, `^1 message, \d passages?, the title, which quotes it would be deleted.\n$`, out)
		for _, typed := range []string{"", "\n", "n\n"} {
			_, stderr := s.run(exitFailure, &typed, remote("delete-message", id, message)...)
			require.Contains(t, stderr, "There is no undo")
			require.Contains(t, stderr, "nothing was deleted")
		}
		_, stderr := s.run(exitFailure, nil, remote("delete-message", id, id)...)
		require.Contains(t, stderr, "none of these messages")
		out, stderr = s.run(exitOK, new("y\n"), remote("delete-message", id, message)...)
		require.Equal(t, message+"\n", out)
		require.Contains(t, stderr, "Deleted 1 message.")
		_, err = c.Upload(t.Context(), u)
		require.NoError(t, err)
		page, err := c.Messages(t.Context(), id, 0, 10)
		require.NoError(t, err)
		require.Equal(t, 2, page.Total)

		out, _ = s.run(exitOK, nil, remote("lift", id)...)
		require.Equal(t, "Lifted 0 of 1 exclusion, and 1 deleted message.\n", out)
		out, _ = s.run(exitOK, nil, remote("delete-message", id, page.Items[0].ID, page.Items[1].ID, "--json")...)
		require.Contains(t, out, `"conversationDeleted": true`)
	})
}
