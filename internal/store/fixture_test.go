package store_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

var ctx = context.Background()

// start is the start time of every clock.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// clock is a time that only the test moves.
type clock struct{ passed atomic.Int64 }

func (c *clock) Now() time.Time          { return start.Add(time.Duration(c.passed.Load())) }
func (c *clock) Advance(d time.Duration) { c.passed.Add(int64(d)) }

// inTx runs fn in a transaction that must succeed.
func inTx(t testing.TB, s *store.Store, fn func(tx *store.Tx) error) {
	t.Helper()
	require.NoError(t, s.InTx(ctx, fn))
}

func workspace(t testing.TB, s *store.Store, name string) (ws chat.WorkspaceID) {
	t.Helper()
	inTx(t, s, func(tx *store.Tx) (err error) {
		ws, err = tx.EnsureWorkspace(name)
		return err
	})
	return ws
}

// upload returns an upload whose messages alternate between human and assistant.
func upload(externalID string, texts ...string) chat.Upload {
	u := chat.Upload{ExternalID: externalID, Title: "about " + externalID, CreatedAt: start, UpdatedAt: start}
	for i, text := range texts {
		role := "human"
		if i%2 == 1 {
			role = "assistant"
		}
		u.Messages = append(u.Messages, chat.UploadMessage{Role: role, Text: text})
	}
	return u
}

// valid returns an upload after validation.
func valid(t testing.TB, u chat.Upload) chat.ValidUpload {
	t.Helper()
	v, err := u.Validate(start)
	require.NoError(t, err)
	return v
}

// transcript returns a new conversation that is not stored.
func transcript(t testing.TB, externalID string, texts ...string) chat.Transcript {
	t.Helper()
	fresh := chat.NewTranscript(valid(t, upload(externalID, texts...)))
	fresh.ImportID = chat.NewID()
	fresh.LastImportID = fresh.ImportID
	return fresh
}

// create stores new conversations.
func createAll(t testing.TB, s *store.Store, ws chat.WorkspaceID, fresh ...chat.Transcript) {
	t.Helper()
	inTx(t, s, func(tx *store.Tx) error {
		for _, c := range fresh {
			made, err := tx.CreateConversation(ws, c)
			if err != nil {
				return err
			}
			require.True(t, made)
		}
		return nil
	})
}

// create stores the conversation of an upload.
func create(t testing.TB, s *store.Store, ws chat.WorkspaceID, u chat.Upload) chat.Transcript {
	t.Helper()
	fresh := chat.NewTranscript(valid(t, u))
	fresh.ImportID = chat.NewID()
	fresh.LastImportID = fresh.ImportID
	createAll(t, s, ws, fresh)
	return fresh
}

// added creates a conversation from these texts.
func added(t testing.TB, s *store.Store, ws chat.WorkspaceID, externalID string, texts ...string) chat.Transcript {
	t.Helper()
	return create(t, s, ws, upload(externalID, texts...))
}

// merge re-sends a stored conversation, like history.
func merge(t testing.TB, s *store.Store, ws chat.WorkspaceID, u chat.Upload) (chat.Conversation, chat.Merged) {
	t.Helper()
	var c chat.Conversation
	var m chat.Merged
	sent := valid(t, u)
	inTx(t, s, func(tx *store.Tx) error {
		stored, _, err := tx.LockByExternalID(ws, sent.Origin().Platform, sent.Origin().ExternalID)
		if err != nil {
			return err
		}
		m = chat.Merge(stored, sent)
		c, err = tx.UpdateConversation(ws, stored.Conversation, m, stored.ImportID)
		return err
	})
	return c, m
}

func remove(t testing.TB, s *store.Store, ws chat.WorkspaceID, ids ...chat.ConversationID) (gone []chat.ConversationID) {
	t.Helper()
	inTx(t, s, func(tx *store.Tx) (err error) {
		gone, _, err = tx.DeleteConversations(ws, ids, chat.DeleteOptions{})
		return err
	})
	return gone
}

const lease = time.Minute

func claim(t testing.TB, s *store.Store, n int) (claims []store.Claim) {
	t.Helper()
	inTx(t, s, func(tx *store.Tx) (err error) {
		claims, err = tx.Claim(lease, n, true)
		return err
	})
	return claims
}

// claimOne claims the one conversation that must be due.
func claimOne(t testing.TB, s *store.Store) store.Claim {
	t.Helper()
	claims := claim(t, s, 1)
	require.Len(t, claims, 1)
	return claims[0]
}

// testModel is the model of vectors that tests write by hand.
var testModel = embed.Model{ID: "test", Dimensions: 3}

// passage returns a chunk with these terms.
func passage(position int, vector []float32, terms ...string) store.IndexedChunk {
	return store.IndexedChunk{Position: position, Text: fmt.Sprint(terms), Terms: terms, Vector: vector}
}

// unreadable returns a chunk that the model cannot read.
func unreadable(position int, terms ...string) store.IndexedChunk {
	chunk := passage(position, nil, terms...)
	chunk.Unreadable = true
	return chunk
}

func indexed(chunks ...store.IndexedChunk) store.Indexed {
	return store.Indexed{Model: testModel, Tokens: 7, Chunks: chunks}
}

func finishAs(s *store.Store, c store.Claim, x store.Indexed) error {
	return s.InTx(ctx, func(tx *store.Tx) error { return tx.FinishIndexing(c, x) })
}

// finish completes a claim, with one chunk for each text.
func finish(s *store.Store, c store.Claim, texts ...string) error {
	var x store.Indexed
	for i, text := range texts {
		x.Chunks = append(x.Chunks, passage(i, []float32{1, 0, 0}, text))
	}
	x.Model, x.Tokens = testModel, 7
	return finishAs(s, c, x)
}

// indexAs indexes a queued conversation with these chunks.
func indexAs(t testing.TB, s *store.Store, id chat.ConversationID, x store.Indexed) {
	t.Helper()
	for _, c := range claim(t, s, 10_000) {
		if c.Conversation == id {
			require.NoError(t, finishAs(s, c, x))
			continue
		}
		inTx(t, s, func(tx *store.Tx) error { return tx.Release(c) })
	}
}

// indexAll indexes every queued conversation, with one chunk for each list of terms.
func indexAll(t testing.TB, s *store.Store, terms ...[]string) {
	t.Helper()
	var x store.Indexed
	for i, list := range terms {
		x.Chunks = append(x.Chunks, passage(i, []float32{1, 0, 0}, list...))
	}
	x.Model, x.Tokens = testModel, 7
	for _, c := range claim(t, s, 10_000) {
		require.NoError(t, finishAs(s, c, x))
	}
}

// scan runs a test's own query and returns its only column.
func scan[T any](t testing.TB, s *store.Store, query string, args ...any) (found []T) {
	t.Helper()
	require.NoError(t, store.DB(s).Raw(query, args...).Scan(&found).Error)
	return found
}

// tables returns the tables that have the column, according to the database's catalogue.
func tables(t testing.TB, s *store.Store, column string) []string {
	t.Helper()
	query := `SELECT m.name FROM sqlite_schema AS m JOIN pragma_table_info(m.name) AS c
		WHERE m.type = 'table' AND c.name = ? ORDER BY m.name`
	if s.Name() == storetest.Postgres {
		query = `SELECT CAST(table_name AS text) FROM information_schema.columns
			WHERE table_schema = 'public' AND column_name = ? ORDER BY 1`
	}
	found := scan[string](t, s, query, column)
	require.NotEmpty(t, found)
	return found
}

// rowsOf counts a conversation's rows in every table that refers to one.
func rowsOf(t testing.TB, s *store.Store, ids ...chat.ConversationID) (n int) {
	t.Helper()
	const of = " WHERE workspace_id > 0 AND " // of any workspace
	for _, table := range tables(t, s, "conversation_id") {
		n += scan[int](t, s, "SELECT count(*) FROM "+table+of+"conversation_id IN ?", ids)[0]
	}
	return n + scan[int](t, s, "SELECT count(*) FROM conversations"+of+"id IN ?", ids)[0]
}

// dump returns every row of a workspace in every table.
func dump(t testing.TB, s *store.Store, ws chat.WorkspaceID) []string {
	t.Helper()
	return dumpOf(t, store.DB(s), tables(t, s, "workspace_id"), ws)
}

func dumpOf(t testing.TB, db *gorm.DB, tables []string, ws chat.WorkspaceID) (lines []string) {
	t.Helper()
	for _, table := range tables {
		var rows []map[string]any
		require.NoError(t, db.Raw("SELECT * FROM "+table+" WHERE workspace_id = ?", int64(ws)).Scan(&rows).Error)
		for _, row := range rows {
			lines = append(lines, table+" "+fmt.Sprint(row))
		}
	}
	slices.Sort(lines)
	return lines
}

// requireSound checks what must be true at any time (storetest.Database.Damage).
func requireSound(t testing.TB, db storetest.Database) {
	t.Helper()
	require.Empty(t, db.Damage(t))
}
