package history_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// importing imports files, and counts what the last import has written to conversations and
// messages, and how often it has read messages.
type importing struct {
	t             *testing.T
	d             *desk
	access        history.Access
	wrote, looked int
}

func eachImporting(t *testing.T, test func(t *testing.T, i *importing)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		i := &importing{t: t, d: newDesk(t, db, "")}
		i.access = traced(t, db, i.trace).AsOperator(i.d.WS)
		test(t, i)
		require.Empty(t, db.Damage(t))
	})
}

func (i *importing) trace(statement string) {
	statement = strings.NewReplacer("`", "", `"`, "").Replace(statement)
	writes := func(table string) bool {
		return slices.ContainsFunc([]string{"INSERT INTO ", "UPDATE ", "DELETE FROM "}, func(verb string) bool { return strings.HasPrefix(statement, verb+table) })
	}
	switch {
	case writes("conversations"), writes("messages"), writes("chunks"):
		i.wrote++
	case strings.HasPrefix(statement, "SELECT") && strings.Contains(statement, "FROM messages"):
		i.looked++
	}
}

func (i *importing) file(uploads ...chat.Upload) chat.ImportCounts {
	i.t.Helper()
	i.wrote, i.looked = 0, 0
	done, err := i.access.ImportFile(i.t.Context(), fileOf(uploads...), false)
	require.NoError(i.t, err)
	imported, err := i.access.Import(i.t.Context(), done.ImportID)
	require.NoError(i.t, err)
	return imported.Counts
}

func (i *importing) stored(id string) chat.Transcript {
	i.t.Helper()
	page, err := i.access.Conversations(i.t.Context(), chat.ListQuery{})
	require.NoError(i.t, err)
	for _, c := range page.Items {
		if c.ExternalID == id {
			return i.d.Transcript(c.ID)
		}
	}
	i.t.Fatalf("%s is not stored", id)
	return chat.Transcript{}
}

// A file that is imported again unchanged writes no row and reads no message, also when it has
// one conversation only.
func TestAnUnchangedFileIsNotComparedAgain(t *testing.T) {
	eachImporting(t, func(t *testing.T, i *importing) {
		one, two := say("one", "question", "answer"), say("two", "question", "answer")
		require.Equal(t, chat.ImportCounts{New: 2}, i.file(one, two))
		require.Equal(t, chat.ImportCounts{Unchanged: 2}, i.file(one, two))
		require.Equal(t, []int{0, 0}, []int{i.wrote, i.looked})
		require.Equal(t, chat.ImportCounts{Unchanged: 1}, i.file(two))
		require.Equal(t, []int{0, 0}, []int{i.wrote, i.looked})
		one.DisplayName = "Its platform"
		require.Equal(t, chat.ImportCounts{Unchanged: 1}, i.file(one), "only the name of the platform is new")
		stats, err := i.access.Stats(t.Context())
		require.NoError(t, err)
		require.Equal(t, "Its platform", stats.Platforms[0].DisplayName)
	})
}

// Each change of a file is seen, whatever changes, and so is the change back.
func TestEachChangeOfAFileIsSeen(t *testing.T) {
	at := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	changes := map[string]func(*chat.Upload){
		"text":     func(u *chat.Upload) { u.Messages[1].Text = "another answer" },
		"blank":    func(u *chat.Upload) { u.Messages[1].Text = "the  answer" },
		"role":     func(u *chat.Upload) { u.Messages[1].Role = "tool" },
		"time":     func(u *chat.Upload) { u.Messages[1].CreatedAt = at.Add(time.Hour) },
		"inferred": func(u *chat.Upload) { u.Messages[0].Inferred = false },
		"branch":   func(u *chat.Upload) { u.Messages[1].Branch = "b" },
		"hidden":   func(u *chat.Upload) { u.Messages[1].Hidden = true },
		"files":    func(u *chat.Upload) { u.Messages[1].Files = []string{"b.png"} },
		"message": func(u *chat.Upload) {
			u.Messages = append(u.Messages, chat.UploadMessage{ExternalID: "3", Role: "human", Text: "more"})
		},
		"title":     func(u *chat.Upload) { u.Title = "Another title" },
		"createdAt": func(u *chat.Upload) { u.CreatedAt = at.Add(-time.Hour) },
		"updatedAt": func(u *chat.Upload) { u.UpdatedAt = at.Add(time.Hour) },
		"pinned":    func(u *chat.Upload) { u.Pinned = new(true) },
		"archived":  func(u *chat.Upload) { u.Source.Archived = new(true) },
		"starred":   func(u *chat.Upload) { u.Source.Starred = new(true) },
		"project":   func(u *chat.Upload) { u.Source.Project = "another" },
		"link":      func(u *chat.Upload) { u.Source.Link = "https://example.com/2" },
	}
	eachImporting(t, func(t *testing.T, i *importing) {
		fresh := func(id string) chat.Upload {
			return chat.Upload{
				Platform: "p", ExternalID: id, Title: "A title", CreatedAt: at, UpdatedAt: at, Pinned: new(false), TellsMarks: true,
				Source: chat.Source{Archived: new(false), Starred: new(false), Project: "project", Link: "https://example.com/1"},
				Messages: []chat.UploadMessage{
					{ExternalID: "1", Role: "human", Text: "the question", CreatedAt: at, Inferred: true},
					{ExternalID: "2", Role: "assistant", Text: "the answer", CreatedAt: at, Files: []string{"a.png"}},
				},
			}
		}
		for name, change := range changes {
			require.Equal(t, chat.ImportCounts{New: 1}, i.file(fresh(name)))
			require.Equal(t, chat.ImportCounts{Unchanged: 1}, i.file(fresh(name)))
			before, changed := i.stored(name), fresh(name)
			change(&changed)
			require.Equal(t, chat.ImportCounts{Updated: 1}, i.file(changed), name)
			require.NotEqual(t, before, i.stored(name), name)
			require.Equal(t, chat.ImportCounts{Unchanged: 1}, i.file(changed), name)
			require.Zero(t, i.wrote, name)
			i.file(fresh(name))
			if name != "message" && name != "inferred" { // neither is taken back by a file that does not have it
				after := i.stored(name)
				after.Revision, after.IndexState, after.LastImportID = before.Revision, before.IndexState, before.LastImportID
				require.Equal(t, before, after, "%s: the change back is seen too", name)
			}
		}
	})
}

// When something else has changed a conversation, the file is merged into it again, although it
// says what it said before.
func TestAFileIsMergedAgainAfterOtherChanges(t *testing.T) {
	eachImporting(t, func(t *testing.T, i *importing) {
		file := say("x", "question", "answer")
		file.Title = "Of the file"
		renamed, other := "Renamed", say("x", "question", "better answer")
		for name, change := range map[string]func(id chat.ConversationID) error{
			"a new title": func(id chat.ConversationID) error {
				_, err := i.access.Edit(t.Context(), id, chat.Edit{Title: &renamed})
				return err
			},
			"an upload": func(chat.ConversationID) error {
				_, err := i.access.Ingest(t.Context(), other)
				return err
			},
			"another file": func(chat.ConversationID) error {
				require.Equal(t, chat.ImportCounts{Updated: 1}, i.file(other))
				return nil
			},
			"a copy later in the file": func(chat.ConversationID) error {
				require.Equal(t, chat.ImportCounts{Unchanged: 1, Updated: 1}, i.file(file, other))
				return nil
			},
		} {
			i.file(file)
			before := i.stored("x")
			require.NoError(t, change(before.ID))
			require.NotEqual(t, before.Conversation, i.stored("x").Conversation, name)
			require.Equal(t, chat.ImportCounts{Updated: 1}, i.file(file), name)
			after := i.stored("x")
			require.Equal(t, []string{"Of the file", "answer"}, []string{after.Title, after.Turns[1].Text}, name)
		}
		require.Equal(t, chat.ImportCounts{Updated: 2}, i.file(other, file), "the last in the file wins, also when it is stored already")
		require.Equal(t, "answer", i.stored("x").Turns[1].Text)
	})
}

// A conversation of which nothing was remembered is compared once, as those that were stored by
// an upload or by an older version.
func TestAConversationOfAnUploadIsComparedOnce(t *testing.T) {
	eachImporting(t, func(t *testing.T, i *importing) {
		_, err := i.access.Ingest(t.Context(), say("x", "question", "answer"))
		require.NoError(t, err)
		require.Equal(t, chat.ImportCounts{Unchanged: 1}, i.file(say("x", "question", "answer")))
		require.Equal(t, []int{1, 1}, []int{i.wrote, min(i.looked, 1)})
		require.Equal(t, chat.ImportCounts{Unchanged: 1}, i.file(say("x", "question", "answer")))
		require.Equal(t, []int{0, 0}, []int{i.wrote, i.looked})
	})
}

// What was deleted stays deleted, and what was deleted and uploaded again is compared.
func TestAnUnchangedFileAfterADelete(t *testing.T) {
	eachImporting(t, func(t *testing.T, i *importing) {
		file := say("x", "question", "answer")
		i.file(file)
		_, err := i.access.DeleteConversations(t.Context(), []chat.ConversationID{i.stored("x").ID}, chat.DeleteOptions{})
		require.NoError(t, err)
		require.Equal(t, chat.ImportCounts{LeftDeleted: 1}, i.file(file))
		_, err = i.access.Ingest(t.Context(), say("x", "other", "words"))
		require.NoError(t, err)
		require.Equal(t, chat.ImportCounts{Updated: 1}, i.file(file))
		require.Len(t, i.stored("x").Turns, 4)
	})
}
