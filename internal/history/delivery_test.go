package history_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// traced is a history that reports its SQL statements.
func traced(t *testing.T, db storetest.Database, trace func(statement string)) *history.History {
	t.Helper()
	o := db.Options()
	o.Trace = trace
	s, err := store.Open(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return history.New(history.Options{Store: s, Embedder: embed.NewHash()})
}

func fileOf(uploads ...chat.Upload) func(yield func(history.Read) bool) {
	return func(yield func(history.Read) bool) {
		for i, u := range uploads {
			if !yield(history.Read{Upload: u, Line: i + 1}) {
				return
			}
		}
	}
}

// A file with alternating platforms takes as few transactions as a sorted one, and its import is not recorded under
// one of the platforms.
func TestAFileOfMixedPlatforms(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		d := newDesk(t, db, "")
		const ending = 2 // updates that record the end
		var transactions int
		h := traced(t, db, func(statement string) {
			if strings.HasPrefix(statement, "UPDATE") && strings.Contains(statement, "imports") {
				transactions++
			}
		})
		for _, c := range []struct {
			name     string
			platform func(i int) string
			says     string
		}{
			{"one", func(int) string { return "a" }, "a"},
			{"sorted", func(i int) string { return []string{"a", "b"}[i/200] }, chat.SeveralPlatforms},
			{"in turn", func(i int) string { return []string{"a", "b"}[i%2] }, chat.SeveralPlatforms},
		} {
			uploads := make([]chat.Upload, 400)
			for i := range uploads {
				uploads[i] = say(fmt.Sprint(c.name, i), "hello")
				uploads[i].Platform, uploads[i].DisplayName = c.platform(i), fmt.Sprint("The ", c.platform(i))
			}
			transactions = 0
			done, err := h.AsOperator(d.WS).ImportFile(t.Context(), fileOf(uploads...), false)
			require.NoError(t, err)
			require.Equal(t, 400, done.Conversations)
			require.Equal(t, 2+ending, transactions, c.name)
			imported, err := h.AsOperator(d.WS).Import(t.Context(), done.ImportID)
			require.NoError(t, err)
			require.Equal(t, []any{c.says, 400, 400}, []any{imported.Platform, imported.Conversations, imported.Messages}, c.name)
		}
		stats, err := h.AsOperator(d.WS).Stats(t.Context())
		require.NoError(t, err)
		require.ElementsMatch(t, []chat.PlatformStats{
			{Platform: "a", DisplayName: "The a", Conversations: 800, Messages: 800},
			{Platform: "b", DisplayName: "The b", Conversations: 400, Messages: 400},
		}, stats.Platforms)
		_, deleted, err := h.AsOperator(d.WS).DeleteMatching(t.Context(), chat.MatchingDelete{Filter: chat.Filter{Platform: "a"}})
		require.NoError(t, err)
		require.Len(t, deleted.IDs, 800)
		imports, err := h.AsOperator(d.WS).Imports(t.Context(), 1, 10)
		require.NoError(t, err)
		require.Equal(t, 2, imports.Total, "those of several platforms stay with the conversations of the other")
		require.Empty(t, db.Damage(t))
	})
}

// If a delivery has two uploads of one conversation, the later one wins, also when another program's upload of it was
// faster than both.
func TestTheLaterOfADeliveryWins(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		d := newDesk(t, db, "")
		other := history.New(history.Options{Store: db.Open(t), Embedder: embed.NewHash()})
		u := func(text string) chat.Upload {
			return chat.Upload{Platform: "p", ExternalID: "x", Messages: []chat.UploadMessage{{ExternalID: "m", Role: "human", Text: text}}}
		}
		var once sync.Once
		h := traced(t, db, func(statement string) {
			// After the delivery has found no conversation and before it inserts one. Not on SQLite, which has one
			// writer.
			if db.Kind == storetest.Postgres && strings.Contains(statement, `INSERT INTO "conversations"`) {
				once.Do(func() {
					_, err := other.AsOperator(d.WS).Ingest(context.Background(), u("by the other"))
					require.NoError(t, err)
				})
			}
		})
		done, err := h.AsOperator(d.WS).IngestAll(t.Context(), []chat.Upload{u("first in the file"), u("later in the file")}, history.Delivery{})
		require.NoError(t, err)
		require.Equal(t, done.Conversations[0].ID, done.Conversations[1].ID)
		require.Equal(t, "later in the file", d.Transcript(done.Conversations[0].ID).Turns[0].Text)
	})
}

// An upload, a delivery and a file that go to a workspace deleted since the key was checked get the same error.
func TestUploadsIntoADeletedWorkspace(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		gone := d.History.AsOperator(4711)
		_, one := gone.Ingest(t.Context(), say("a", "b"))
		_, many := gone.IngestAll(t.Context(), []chat.Upload{say("a", "b"), say("c", "d")}, history.Delivery{})
		_, file := gone.ImportFile(t.Context(), fileOf(say("a", "b")), false)
		_, files := gone.ImportFile(t.Context(), fileOf(say("a", "b"), say("c", "d")), false)
		for _, err := range []error{one, many, file, files} {
			require.Equal(t, fault.Conflict, fault.KindOf(err), "%v", err)
			require.Contains(t, fault.Message(err), "was deleted meanwhile")
		}
	})
}

// A conversation belongs to the import that created it. A delete by a later import, which only sent it again, does
// not delete it. That later import still reports the index states of its conversations.
func TestAnImportHasOnlyWhatItCreated(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		access := d.History.AsOperator(d.WS)
		old := d.Ingest(say("old", "question", "answer"))
		edited := d.Ingest(say("edited", "question", "answer"))
		require.Equal(t, 2, d.Index())
		file, err := access.ImportFile(t.Context(), fileOf(say("old", "question", "answer"), say("edited", "question", "better"), say("new", "hello")), false)
		require.NoError(t, err)
		require.Equal(t, 3, file.Conversations)
		imported, err := access.Import(t.Context(), file.ImportID)
		require.NoError(t, err)
		require.Equal(t, []any{chat.ImportQueued, 3, 2, 0, 2}, []any{imported.Status, imported.Conversations, imported.Messages, imported.Ready, imported.Pending})
		require.Equal(t, chat.ImportCounts{New: 1, Updated: 1, Unchanged: 1}, imported.Counts)

		require.Equal(t, old.ImportID, d.Transcript(old.Conversation.ID).ImportID)
		page, err := access.Conversations(t.Context(), chat.ListQuery{Filter: chat.Filter{ImportID: file.ImportID}})
		require.NoError(t, err)
		require.Equal(t, 1, page.Total)
		_, deleted, err := access.DeleteMatching(t.Context(), chat.MatchingDelete{Filter: chat.Filter{ImportID: file.ImportID}})
		require.NoError(t, err)
		require.Len(t, deleted.IDs, 1)
		require.Equal(t, 2, d.Count())
		_, deleted, err = access.DeleteMatching(t.Context(), chat.MatchingDelete{Filter: chat.Filter{ImportID: edited.ImportID}})
		require.NoError(t, err)
		require.Equal(t, []chat.ConversationID{edited.Conversation.ID}, deleted.IDs)
		require.Empty(t, d.DB.Damage(t))
	})
}
