package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
)

// Each chat becomes a file in the folder, by the filters and ids of other exports.
func TestChatsAsFiles(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		service := apptest.Start(t, db)
		here := importer{t: t, environ: append(db.Environ(), "LETHE_API_KEY="+apptest.Key, "LETHE_ADDR="+strings.TrimPrefix(service.URL, "http://"))}
		dir := t.TempDir()
		names := func(folder string) (names []string) {
			entries, err := os.ReadDir(folder)
			require.NoError(t, err)
			for _, e := range entries {
				names = append(names, e.Name())
			}
			return names
		}
		for format, index := range map[string]string{"markdown": "README.md", "html": "index.html"} {
			none := filepath.Join(dir, format, "none")
			told, _ := here.lethe(exitOK, "export", "--format", format, "--out", none, "--platform", "nobody's")
			require.Contains(t, told, "Wrote 0 chats with 0 messages as ")
			require.Equal(t, []string{index}, names(none))
		}

		first := service.Upload(t, "first", "the first ferry", "at eight")
		service.Upload(t, "second", "the second ferry", "at nine")
		for format, index := range map[string]string{"markdown": "README.md", "html": "index.html"} {
			all := filepath.Join(dir, format, "all")
			told, _ := here.lethe(exitOK, "export", "--format", format, "--out", all)
			require.Regexp(t, `^Wrote 2 chats with 4 messages as (Markdown|HTML)\. Begin with `+all+`/`+index+`\.\n$`, told)
			require.Len(t, names(all), 3)

			_, said := here.lethe(exitFailure, "export", "--format", format, "--out", all)
			require.Contains(t, said, index+" exists already; give another folder, or --force")
			here.lethe(exitOK, "export", "--format", format, "--out", all, "--force")
			require.Len(t, names(all), 3)

			some := filepath.Join(dir, format, "some")
			here.lethe(exitOK, "export", "--format", format, "--out", some, "--title", "SECOND")
			require.Len(t, names(some), 2)
			text, err := os.ReadFile(filepath.Join(some, index))
			require.NoError(t, err)
			require.Contains(t, string(text), "the second ferry")

			one := filepath.Join(dir, format, "one")
			here.lethe(exitOK, "export", first, "--format", format, "--out", one)
			require.Len(t, names(one), 2)

			require.NoError(t, os.Remove(filepath.Join(all, index)))
			_, said = here.lethe(exitFailure, "export", "--format", format, "--out", all)
			require.Contains(t, said, "exists already")
		}
		for _, wrong := range []string{"--format", "--force"} {
			args := []string{"export", "--out", filepath.Join(dir, "x"), wrong}
			if wrong == "--format" {
				args = append(args, "pdf")
			}
			here.lethe(exitFailure, args...)
		}
		_, said := here.lethe(exitFailure, "export", "--format", "html")
		require.Contains(t, said, "name a folder for them with --out")
	})
}

// A chat that is on several lines of an export is one file, and can be deleted after its export.
func TestALongChatIsOneFile(t *testing.T) {
	db := storetest.New(t, storetest.SQLite)
	service := apptest.Start(t, db)
	here := importer{t: t, environ: append(db.Environ(), "LETHE_API_KEY="+apptest.Key, "LETHE_ADDR="+strings.TrimPrefix(service.URL, "http://"))}
	u := apptest.Conversation("long", "hello")
	u.Conversation.Messages = nil
	for range 12_000 {
		u.Conversation.Messages = append(u.Conversation.Messages, api.UploadedMessage{Role: "human", Content: "again"})
	}
	_, err := service.Client.Upload(t.Context(), u)
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "chats")
	told, _ := here.lethe(exitOK, "export", "--format", "markdown", "--out", dir)
	require.Contains(t, told, "Wrote 1 chat with 12,000 messages as Markdown")
	told, _ = here.lethe(exitOK, "delete", "--all", "--export", filepath.Join(dir, "all.jsonl"), "--yes")
	require.Regexp(t, `^[0-9a-f-]{36}\n$`, told)
}

// When the connection breaks, the chats that are complete stay, nothing else does, and the command
// says so.
func TestABrokenExportOfChats(t *testing.T) {
	const line = `{"conversationId":"0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f1%d","revision":1,"platform":"p","conversation":{"id":"%d","title":"chat %d",` +
		`"createdAt":"2026-03-01T09:30:00Z","updatedAt":"2026-03-01T09:30:00Z","messages":[{"role":"human","content":"hello","createdAt":"2026-03-01T09:30:00Z"}]}}` + "\n"
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for n := range 2 {
			fmt.Fprintf(w, line, n, n, n)
		}
		fmt.Fprint(w, `{"conversationId":"0197b3a0`)
		_ = http.NewResponseController(w).Flush() // the client notices a broken connection itself
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(service.Close)
	here := importer{t: t, environ: []string{"LETHE_API_KEY=" + apptest.Key, "LETHE_DATA_DIR=" + t.TempDir(), "LETHE_ADDR=" + strings.TrimPrefix(service.URL, "http://")}}
	dir := filepath.Join(t.TempDir(), "chats")
	_, said := here.lethe(exitFailure, "export", "--format", "markdown", "--out", dir)
	require.Contains(t, said, "1 chat was written to "+dir+" before, and no index.")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.Equal(t, "2026-03-01-chat-0-9a2d1f10.md", entries[0].Name())
}
