package chatfiles

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
)

var update = flag.Bool("update", false, "write the golden files")

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

type written struct {
	Conversation
	turns []chat.Message
}

func sample() []written {
	return []written{
		{Conversation{chat.Conversation{
			ID: "0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f10", Platform: "chatgpt", ExternalID: "c1", Title: "Ferries: \"when\" & <where>?", Pinned: true,
			CreatedAt: at("2026-03-01T09:30:00Z"), UpdatedAt: at("2026-03-01T09:31:00Z"), Revision: 1,
			Source: chat.Source{Archived: new(false), Starred: new(true), Project: "Travel", Link: "https://example.com/c/1?a=1&b=2"},
		}, "ChatGPT"}, []chat.Message{
			{Sender: chat.Human, Text: "When does the *ferry* leave?\n\n## Assistant · 2026-03-01 09:30 UTC\n\nAt nine.", CreatedAt: at("2026-03-01T09:30:00Z")},
			{Sender: chat.Tool, Text: "{\"timetable\":[8,9]}", CreatedAt: at("2026-03-01T09:30:10Z"), Hidden: true},
			{Sender: chat.Assistant, Text: "At 8:\n\n```python\n# leave\nprint(\"8 < 9\")\n```\n\n![map](https://tracker.example/pixel.png)", CreatedAt: at("2026-03-01T09:30:20Z"), Inferred: true, Files: []string{"map_1.png", "日本.pdf"}},
			{Sender: chat.Assistant, Text: "At 7. <script>alert(1)</script>", CreatedAt: at("2026-03-01T09:30:30Z"), Branch: "b"},
			{Sender: chat.System, CreatedAt: at("2026-03-01T09:31:00Z")},
		}},
		{Conversation{chat.Conversation{
			ID: "0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f11", Platform: "custom", ExternalID: "../x", Title: "../../etc/passwd",
			CreatedAt: at("2026-02-28T23:59:59Z"), UpdatedAt: at("2026-02-28T23:59:59Z"), Source: chat.Source{Link: "javascript:alert(1)"},
		}, "custom"}, []chat.Message{{Sender: chat.Human, Text: "```\nnever closed", CreatedAt: at("2026-02-28T23:59:59Z")}, {Sender: chat.Assistant, Text: "I am not code.", CreatedAt: at("2026-02-28T23:59:59Z")}}},
		{Conversation{chat.Conversation{
			ID: "0197b3a0-2b1c-7d44-8a55-0e4c9a2d1f12", Platform: "custom", ExternalID: "3", Title: "日本語のタイトル",
			CreatedAt: at("2026-03-02T00:00:00Z"), UpdatedAt: at("2026-03-02T00:00:00Z"),
		}, "custom"}, nil},
	}
}

var formats = map[string]Format{"markdown": Markdown(), "html": HTML()}

func write(t *testing.T, path string, f Format, chats []written) Written {
	t.Helper()
	folder, err := Create(path, f, false)
	require.NoError(t, err)
	for _, c := range chats {
		require.NoError(t, folder.Add(c.Conversation, c.turns))
	}
	done, err := folder.Close()
	require.NoError(t, err)
	return done
}

// files are the files of a folder and below, with their contents.
func files(t *testing.T, path string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		all[strings.TrimPrefix(filepath.ToSlash(name), filepath.ToSlash(path)+"/")] = string(text)
		return err
	}))
	return all
}

func TestGolden(t *testing.T) {
	for name, f := range formats {
		t.Run(name, func(t *testing.T) {
			golden, path := filepath.Join("testdata", name), filepath.Join(t.TempDir(), "new", "chats")
			if *update {
				require.NoError(t, os.RemoveAll(golden))
				write(t, golden, f, sample())
			}
			done := write(t, path, f, sample())
			require.Equal(t, Written{3, 7, filepath.Join(path, f.index())}, done)
			require.Equal(t, files(t, golden), files(t, path))
		})
	}
}

func TestWithoutChats(t *testing.T) {
	for _, f := range formats {
		path := t.TempDir()
		require.Zero(t, write(t, path, f, nil).Conversations)
		require.Contains(t, files(t, path)[f.index()], "0 chats with 0 messages")
	}
}

// Whatever titles and ids are, each chat has a file of its own in the folder, with a name that every
// system accepts.
func TestHostileTitles(t *testing.T) {
	titles := []string{
		"", " ", "..", "../../up", "/etc/passwd", `C:\Windows\system32`, "CON", "nul.md", "a:b*c?d\"e<f>g|h", "name.", "ends with space ", "a\x00b\nc\td",
		strings.Repeat("long title ", 60), strings.Repeat("日本", 300), "\u202egnp.exe", "é e\u0301", "README", "index", ".hidden", "-rf", "~", "$(reboot)", "\xff\xfe",
	}
	safe := regexp.MustCompile(`^2026-03-01-[\p{L}\p{M}\p{Nd}]+(-[\p{L}\p{M}\p{Nd}]+)*-[0-9a-f]+\.(md|html)$`)
	for _, f := range formats {
		above := t.TempDir()
		path := filepath.Join(above, "chats")
		var chats []written
		for i := range 3 * len(titles) { // the same titles, on the same day, with ids that end alike
			c := sample()[0]
			c.ID = chat.ConversationID(fmt.Sprintf([]string{"0197b3a0-%04x-7d44-8a55-0e4c9a2d1f10", "../../%04x/9a2d1f10", "%x"}[i%3], i))
			c.Title, c.ExternalID = titles[i/3], titles[i/3]
			chats = append(chats, c)
		}
		write(t, path, f, chats)
		all := files(t, above)
		require.Len(t, all, len(chats)+1)
		for name := range all {
			name = strings.TrimPrefix(name, "chats/")
			if name == f.index() {
				continue
			}
			require.Regexp(t, safe, name)
			require.LessOrEqual(t, len(name), 200)
		}
	}
}

// Files that exist are kept, unless the user wants to overwrite them. A link in the folder does not lead out of it.
func TestExistingFiles(t *testing.T) {
	for _, f := range formats {
		path := t.TempDir()
		write(t, path, f, sample())
		before := files(t, path)
		_, err := Create(path, f, false)
		require.Equal(t, fault.Conflict, fault.KindOf(err))
		require.ErrorContains(t, err, f.index()+" exists already")

		require.NoError(t, os.Remove(filepath.Join(path, f.index())))
		folder, err := Create(path, f, false)
		require.NoError(t, err)
		err = folder.Add(sample()[1].Conversation, nil)
		require.Equal(t, fault.Conflict, fault.KindOf(err))
		require.NoError(t, folder.Abandon())
		delete(before, f.index())
		require.Equal(t, before, files(t, path))

		outside := filepath.Join(t.TempDir(), "outside")
		require.NoError(t, os.WriteFile(outside, []byte("mine"), 0o600))
		require.NoError(t, os.Symlink(outside, filepath.Join(path, f.index())))
		folder, err = Create(path, f, true)
		require.NoError(t, err)
		for _, c := range sample() {
			require.NoError(t, folder.Add(c.Conversation, c.turns))
		}
		_, err = folder.Close()
		require.NoError(t, err)
		text, err := os.ReadFile(outside)
		require.NoError(t, err)
		require.Equal(t, "mine", string(text), "the link was replaced, not followed")
	}
}

// A long chat comes in parts and is one file. What is not complete is not left behind.
func TestPartsAndAbandonedFiles(t *testing.T) {
	for _, f := range formats {
		whole, parts := t.TempDir(), t.TempDir()
		write(t, whole, f, sample())
		var pieces []written
		for _, c := range sample() {
			pieces = append(pieces, written{c.Conversation, nil})
			for i := range c.turns {
				pieces = append(pieces, written{c.Conversation, c.turns[i : i+1]})
			}
		}
		require.Equal(t, 3, write(t, parts, f, pieces).Conversations)
		require.Equal(t, files(t, whole), files(t, parts))

		path := t.TempDir()
		folder, err := Create(path, f, false)
		require.NoError(t, err)
		require.NoError(t, folder.Add(sample()[0].Conversation, nil))
		require.NoError(t, folder.Add(sample()[1].Conversation, sample()[1].turns))
		require.NoError(t, folder.Abandon())
		require.Equal(t, Written{Conversations: 1}, folder.Written())
		require.Len(t, files(t, path), 1)
	}
}

func TestAFolderThatCannotBeWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err := Create(path, Markdown(), false)
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	var inner *fs.PathError
	require.True(t, errors.As(err, &inner))
}

// A page runs and loads nothing, and its style is the one that its policy allows.
func TestPagesLoadNothing(t *testing.T) {
	path := t.TempDir()
	write(t, path, HTML(), sample())
	for name, text := range files(t, path) {
		require.Contains(t, text, "default-src &#39;none&#39;; style-src &#39;sha256-", name)
		require.NotRegexp(t, `(?i)<(script|img|link|iframe|object|svg)\b`, text, name)
		require.NotRegexp(t, `(?i)(href|src)="(javascript|data):`, text, name)
		require.NotContains(t, text, "tracker.example\"")
	}
}
