package app_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
	"github.com/lethe-chat/lethe/pkg/client/fini"
)

// Each test in this file is named after a failure that users of other programs reported
// about their deletes. Its comment says what prevents it in Lethe.

// nothingOf checks that no table, index or search contains the conversations, or a word
// that only they contained.
func nothingOf(t testing.TB, db storetest.Database, s *apptest.Service, word string, ids ...string) {
	t.Helper()
	for _, id := range ids {
		for table, n := range db.RowsOf(t, id) {
			require.Zero(t, n, "rows of %s in %s", id, table)
		}
		require.Empty(t, db.Mentions(t, id))
	}
	require.Empty(t, db.Mentions(t, word))
	for _, mode := range []api.SearchMode{api.SearchModeKeyword, api.SearchModeSemantic, api.SearchModeHybrid} {
		answer, err := s.Client.Search(t.Context(), api.SearchRequest{Query: word, Mode: new(mode), Limit: new(100), ContextChunks: new(2)})
		require.NoError(t, err)
		for _, r := range answer.Results {
			require.NotContains(t, ids, r.ConversationID, mode)
			require.NotContains(t, strings.ToLower(fmt.Sprint(r)), word, mode)
		}
	}
	nothingLeft(t, db)
}

// A delete of everything deleted only the first page of a list and reported success.
//
// Prevented: there is no page. The filter is evaluated, and its rows are locked, in the
// transaction that deletes them (history.DeleteMatching).
func TestOthersDeleteAllThatTookTheFirstPage(t *testing.T) {
	const conversations = 230 // more than a page of the list and a batch of the delete
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		var file strings.Builder
		for i := range conversations {
			fmt.Fprintf(&file, `{"conversation":{"id":"%d","messages":[{"role":"human","content":"the snarkfeld, number %[1]d"}]}}`+"\n", i)
		}
		brought, err := s.Client.ImportFile(t.Context(), strings.NewReader(file.String()), false)
		require.NoError(t, err)
		require.Equal(t, conversations, brought.Conversations)
		answer, err := s.Client.DeleteMatching(t.Context(), api.DeleteMatchingRequest{All: new(true)})
		require.NoError(t, err)
		require.Equal(t, conversations, answer.Count)
		rows := db.Rows(t)
		for _, table := range []string{"conversations", "messages", "chunks", "embeddings"} {
			require.Zero(t, rows[table], table)
		}
		s.Idle(t)
		nothingOf(t, db, s, "snarkfeld")
	})
}

// The deleted text stayed in a table of earlier versions.
//
// Prevented: there is no such table, an edit overwrites the text. This test asks the
// catalogue for every column of every table.
func TestOthersTextKeptInAHistoryTable(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		id := s.Upload(t, "edited", "the quexolim is mine", "so it is")
		s.Ready(t, id)
		_, err := s.Client.Edit(t.Context(), api.EditRequest{ConversationID: id, Title: new("About the vonthrub")})
		require.NoError(t, err)
		s.Ready(t, id)
		require.Equal(t, id, s.Upload(t, "edited", "the drabnivo is mine", "so it is", "for ever"))
		_, err = s.Client.Edit(t.Context(), api.EditRequest{ConversationID: id, Title: new("About the fesplonk")})
		require.NoError(t, err)
		s.Ready(t, id)
		require.Empty(t, db.Mentions(t, "quexolim"), "an edit deletes the old text")
		require.Empty(t, db.Mentions(t, "vonthrub"), "a new title replaces the old one")
		_, err = s.Client.Delete(t.Context(), id)
		require.NoError(t, err)
		for _, word := range []string{"quexolim", "vonthrub", "drabnivo", "fesplonk"} {
			nothingOf(t, db, s, word, id)
		}
	})
}

// A worker stored vectors after the delete.
//
// Prevented: the worker's transaction first updates the conversation, on the condition
// that it exists and the worker still holds the claim (store.Tx.settle).
func TestOthersVectorsWrittenAfterTheDelete(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		gate := apptest.NewGate()
		s := apptest.Start(t, db, apptest.WithEmbedder(gate), apptest.WithEnv("LETHE_INDEX_WORKERS=1"))
		for round := range 5 {
			gate.Shut()
			id := s.Upload(t, "gone", "the snarkfeld is mine", "so it is")
			gate.Arrived(t)
			require.Equal(t, api.IndexStatusIndexing, status(t, s, id))
			answer, err := s.Client.Delete(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, []string{id}, answer.Deleted, "round %d", round)
			gate.Open()
			// There is one worker. When the next conversation is ready, it has finished
			// the first.
			next := s.Upload(t, "next"+strconv.Itoa(round), "somebody else's words", "indeed")
			s.Ready(t, next)
			for table, n := range db.RowsOf(t, id) {
				require.Zero(t, n, table)
			}
			require.Empty(t, db.Mentions(t, "snarkfeld"))
			require.Empty(t, s.Finds(t, "snarkfeld"))
			nothingLeft(t, db)
		}
	})
}

// A cache still answered with deleted text.
//
// Prevented: there is no cache. Every answer is read from the tables.
func TestOthersCacheThatKeptAnswering(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		id := s.Upload(t, "gone", "the snarkfeld is mine", "so it is")
		s.Ready(t, id)
		// Every kind of query, each time with the same words.
		answers := func() string {
			var answers []any
			for _, mode := range []api.SearchMode{api.SearchModeKeyword, api.SearchModeSemantic, api.SearchModeHybrid} {
				found, err := s.Client.Search(t.Context(), api.SearchRequest{Query: "whose is the snarkfeld", Mode: new(mode), ContextChunks: new(2)})
				require.NoError(t, err)
				answers = append(answers, found.Results)
			}
			recalled, err := s.Client.Recall(t.Context(), api.RecallRequest{Query: new("whose is the snarkfeld")})
			require.NoError(t, err)
			list, err := s.Client.List(t.Context(), client.ListOptions{})
			require.NoError(t, err)
			var file strings.Builder
			require.NoError(t, s.Client.Export(t.Context(), client.ListOptions{}, &file))
			public := send(t, s, "GET", "/v2/hc-interactions/public", "")
			return fmt.Sprint(append(answers, recalled.Sources, recalled.Content, list.Items, file.String(), public.body)...)
		}
		for range 2 {
			before := answers()
			require.GreaterOrEqual(t, strings.Count(before, "is mine"), 4)
			require.GreaterOrEqual(t, strings.Count(before, id), 5)
		}
		_, err := s.Client.Delete(t.Context(), id)
		require.NoError(t, err)
		for range 2 {
			after := answers()
			require.NotContains(t, after, "is mine")
			require.NotContains(t, after, id)
		}
		_, err = s.Client.Get(t.Context(), id)
		require.True(t, client.IsNotFound(err), "%v", err)
		nothingOf(t, db, s, "snarkfeld", id)
	})
}

// A cascade did not reach the index of words or vectors, which was a virtual table or
// another store without foreign keys.
//
// Prevented: on SQLite by triggers on the table of passages, and because vectors are in
// an ordinary table; on PostgreSQL both are indexes of the tables.
func TestOthersCascadeThatNeverReachedTheIndex(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		gone, stays := s.Upload(t, "gone", "the snarkfeld is mine", "so it is"), s.Upload(t, "stays", "the wobbelring is mine", "so it is")
		s.Ready(t, gone, stays)
		index := map[string]string{storetest.SQLite: "chunks_fts (vocabulary)", storetest.Postgres: "chunks.terms"}[db.Kind]
		require.ElementsMatch(t, []string{"messages.text", "conversations.title", "conversations.title_folded", index}, db.Mentions(t, "snarkfeld"),
			"passages contain no copy of the text")
		require.Empty(t, db.Untied(t), "every table of vectors is tied to conversations")
		_, err := s.Client.Delete(t.Context(), gone)
		require.NoError(t, err)
		nothingOf(t, db, s, "snarkfeld", gone)
		require.Equal(t, []string{stays}, s.Finds(t, "wobbelring"))
	})
}

// A delete answered "deleted: 0, success: true" and the data still existed: it used
// another place or another spelling of the id than the list.
//
// Prevented: the answer is what DELETE ... RETURNING returned, and every id has one form.
// An id that is not in the answer does not exist in the caller's workspace.
func TestOthersDeletedNothingAndSaidSuccess(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		for i, spelt := range []func(string) string{
			func(id string) string { return id },
			strings.ToUpper,
			func(id string) string { return strings.ToUpper(id[:18]) + id[18:] },
		} {
			for _, door := range doors {
				id := s.Upload(t, door.name+strconv.Itoa(i), "the snarkfeld is mine", "so it is")
				answer := send(t, s, door.method, door.path, deleteBody(t, spelt(id)))
				require.JSONEq(t, deletedAnswer(t, id), answer.body)
				nothingOf(t, db, s, "snarkfeld", id)
			}
		}
		// The conversations that match are deleted and are in the answer.
		id := s.Upload(t, "x", "the snarkfeld is mine", "so it is")
		for _, body := range []string{`{"filter":{}}`, `{}`, `{"filter":{"provider":""}}`} {
			refused := send(t, s, "POST", "/api/chat-history/chats/delete-matching", body)
			require.Equal(t, 400, refused.status, "a delete that selects nothing must not succeed: %s", refused.body)
		}
		matched, err := s.Client.DeleteMatching(t.Context(), api.DeleteMatchingRequest{Filter: &api.DeleteFilter{Provider: new("custom")}})
		require.NoError(t, err)
		require.Equal(t, []string{id}, matched.Deleted)
		nothingOf(t, db, s, "snarkfeld", id)
		// The other API's answer lists no ids: the conversation is deleted, or the answer
		// is an error.
		id = s.Upload(t, "y", "the snarkfeld is mine", "so it is")
		require.NoError(t, fini.New(s.Client).Delete(t.Context(), strings.ToUpper(id)))
		nothingOf(t, db, s, "snarkfeld", id)
	})
}

// An error of the second store was ignored: the first one was emptied, and the delete
// reported success.
//
// Prevented: there is one transaction in one store. If any part fails, the caller gets an
// error and nothing has changed.
func TestOthersErrorOfTheSecondStoreSwallowed(t *testing.T) {
	raise := map[string][]string{
		storetest.SQLite: {"CREATE TRIGGER broken BEFORE %s ON %s BEGIN SELECT RAISE(ABORT, 'broken'); END"},
		storetest.Postgres: {
			"CREATE OR REPLACE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken'; END $$",
			"CREATE TRIGGER broken BEFORE %s ON %s FOR EACH ROW EXECUTE FUNCTION broken()",
		},
	}
	repair := map[string]string{storetest.SQLite: "DROP TRIGGER broken", storetest.Postgres: "DROP FUNCTION broken CASCADE"}
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		id, other := s.Upload(t, "gone", "the snarkfeld is mine", "so it is"), s.Upload(t, "too", "the snarkfeld is mine", "so it is")
		s.Ready(t, id, other)
		// The service would log an error of an unknown kind.
		beside := db.Open(t)
		h := history.New(history.Options{Store: beside, Embedder: embed.NewHash()})
		ws, err := beside.View(t.Context()).Workspace(chat.DefaultWorkspace)
		require.NoError(t, err)
		before := db.Rows(t)
		for _, broken := range []struct{ event, table string }{
			{"DELETE", "messages"}, {"DELETE", "chunks"}, {"DELETE", "embeddings"}, {"INSERT", "deletions"}, {"INSERT", "tombstones"},
		} {
			for _, statement := range raise[db.Kind] {
				if strings.Contains(statement, "%s") {
					statement = fmt.Sprintf(statement, broken.event, broken.table)
				}
				db.Break(t, statement)
			}
			deleted, err := h.AsOperator(ws).DeleteConversations(t.Context(), []chat.ConversationID{chat.ConversationID(id), chat.ConversationID(other)}, chat.DeleteOptions{})
			require.Error(t, err, "%s of %s fails", broken.event, broken.table)
			require.Empty(t, deleted.IDs)
			_, deleted, err = h.AsOperator(ws).DeleteMatching(t.Context(), chat.MatchingDelete{All: true})
			require.Error(t, err, "%s of %s fails", broken.event, broken.table)
			require.Empty(t, deleted.IDs)
			db.Break(t, repair[db.Kind])
			require.Equal(t, before, db.Rows(t), "nothing was deleted and there is no receipt")
			require.ElementsMatch(t, []string{id, other}, s.Finds(t, "snarkfeld"))
			nothingLeft(t, db)
		}
		answer, err := s.Client.Delete(t.Context(), id, other)
		require.NoError(t, err)
		require.Equal(t, 2, answer.Count)
		nothingOf(t, db, s, "snarkfeld", id, other)
	})
}

// A deleted id could not be used again, because a row that was only marked as deleted
// still had it.
//
// Prevented: there is no such mark. The row is deleted, and a tombstone refuses only
// imports that nobody asked for.
func TestOthersDeletedIDThatCouldNotBeUsedAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		seen := map[string]bool{}
		for range 5 {
			id := s.Upload(t, "again", "the snarkfeld is mine", "so it is")
			require.False(t, seen[id], "an id is never assigned twice")
			seen[id] = true
			s.Ready(t, id)
			require.Equal(t, []string{id}, s.Finds(t, "snarkfeld"))
			for old := range seen {
				if old != id {
					_, err := s.Client.Get(t.Context(), old)
					require.True(t, client.IsNotFound(err), "%v", err)
				}
			}
			answer, err := s.Client.Delete(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, []string{id}, answer.Deleted)
			require.Empty(t, s.Finds(t, "snarkfeld"))
			nothingLeft(t, db)
		}
	})
}

// One user's delete deleted the data of all users: one of its statements did not limit
// the user.
//
// Prevented: every key begins with the workspace, and a check reads every statement that
// tests send (storetest, keyed.go).
func TestOthersOneUsersDeleteWipedEverybody(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		theirs, token := stranger(t, s, "strangers", auth.Read, auth.Write)
		mine := s.Upload(t, "theirs", "a stranger's words", "indeed") // the same name, the same words
		s.Ready(t, mine)
		kept := db.RowsOf(t, theirs)
		answer, err := s.Client.Delete(t.Context(), theirs)
		require.NoError(t, err)
		require.Zero(t, answer.Count)
		require.NoError(t, fini.New(s.Client).Delete(t.Context(), theirs), "the other API gives the same answer whether the id exists or not")
		matched, err := s.Client.DeleteMatching(t.Context(), api.DeleteMatchingRequest{All: new(true), IncludePinned: new(true)})
		require.NoError(t, err)
		require.Equal(t, []string{mine}, matched.Deleted)
		again := s.Upload(t, "theirs", "a stranger's words", "indeed")
		require.NoError(t, fini.New(s.Client).DeleteBulk(t.Context(), again))
		require.Equal(t, kept, db.RowsOf(t, theirs))
		found, err := s.With(t, token).Search(t.Context(), api.SearchRequest{Query: "stranger"})
		require.NoError(t, err)
		require.NotEmpty(t, found.Results)
		require.Equal(t, theirs, found.Results[0].ConversationID)
		nothingLeft(t, db)
	})
}

// A crash after the answer left vectors: a job deleted them later from the second store,
// and the process ended before it.
//
// Prevented: no work is left for later. Everything is committed before the answer, and
// the claims of workers are void.
func TestOthersVectorsLeftByACrashAfterTheOK(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		gate := apptest.NewGate()
		start := func() *apptest.Process {
			return apptest.StartProcess(t, db, apptest.WithEmbedder(gate), apptest.WithLease(crashLease))
		}
		p := start()
		done := p.Upload(t, "done", "the snarkfeld is mine", "so it is")
		p.Ready(t, done)
		gate.Shut()
		held := p.Upload(t, "held", "the snarkfeld is mine too", "so it is")
		gate.Arrived(t) // a worker has read the conversation
		answer, err := p.Client.Delete(t.Context(), done, held)
		require.NoError(t, err)
		require.Equal(t, []string{done, held}, answer.Deleted)
		p.Kill(t)
		require.Empty(t, db.Orphans(t), "before a restart could clean up")
		require.Empty(t, db.Mentions(t, "snarkfeld"))

		gate.Open()
		p = start()
		stays := p.Upload(t, "stays", "somebody else's words", "indeed")
		p.Ready(t, stays)
		nothingOf(t, db, p.Service, "snarkfeld", done, held)
	})
}

// The next sync stored a deleted chat again.
//
// Prevented: an import checks the tombstones in the transaction that stores
// (history.ImportFile). An upload through the API is the caller's own decision.
func TestOthersDeletedChatBackWithTheNextSync(t *testing.T) {
	const conversations, gone = 6, 2
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		var ids []string
		for i := range conversations {
			ids = append(ids, s.Upload(t, "c"+strconv.Itoa(i), word("sync", i+1)+" of the snarkfeld is mine", "so it is"))
		}
		s.Ready(t, ids...)
		var file strings.Builder
		require.NoError(t, s.Client.Export(t.Context(), client.ListOptions{}, &file))
		_, err := s.Client.Delete(t.Context(), ids[:gone-1]...)
		require.NoError(t, err)
		_, err = s.Client.DeleteMatching(t.Context(), api.DeleteMatchingRequest{Filter: &api.DeleteFilter{Title: new(word("sync", gone))}})
		require.NoError(t, err)
		sync := func() {
			answer, err := s.Client.ImportFile(t.Context(), strings.NewReader(file.String()), false)
			require.NoError(t, err)
			require.Equal(t, []int{conversations - gone, gone, 0}, []int{answer.Conversations, answer.Deleted, answer.Failed})
			s.Idle(t)
			for i, id := range ids[:gone] {
				require.Empty(t, db.Mentions(t, word("sync", i+1)), "the text of %s", id)
				require.Empty(t, s.Finds(t, word("sync", i+1)))
			}
			n, err := s.Client.Count(t.Context())
			require.NoError(t, err)
			require.Equal(t, conversations-gone, n)
		}
		sync()
		sync()
		s.Stop(t) // tombstones survive a restart
		s = apptest.Start(t, db)
		sync()
		// An import that runs during the delete stores the conversation before it, or not
		// at all.
		importing := func() {
			_, err := s.Client.ImportFile(t.Context(), strings.NewReader(file.String()), false)
			require.NoError(t, err)
		}
		removing := func() {
			answer, err := s.Client.Delete(t.Context(), ids[gone:]...)
			require.NoError(t, err)
			require.Equal(t, conversations-gone, answer.Count)
		}
		together(importing, removing, importing)
		s.Idle(t)
		n, err := s.Client.Count(t.Context())
		require.NoError(t, err)
		require.Zero(t, n)
		nothingOf(t, db, s, "snarkfeld", ids...)
	})
}
