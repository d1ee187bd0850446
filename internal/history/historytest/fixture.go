// Package historytest gives tests a history on a real database, with a workspace, a scripted embedder and a clock
// that the test moves. It indexes like the indexer, but only when the test asks for it.
package historytest

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/chunker"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/recall"
	"github.com/lethe-chat/lethe/internal/search"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/internal/text"
)

// Now returns the time of a fixture's clock before the test moves it.
func Now() time.Time { return time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC) }

// Fixture is a history on a database of its own, with one workspace.
type Fixture struct {
	T        *testing.T
	DB       storetest.Database
	Store    *store.Store
	History  *history.History
	WS       chat.WorkspaceID
	Embedder *Embedder
	Woken    atomic.Int32  // how often the indexer was woken
	Passed   time.Duration // time that the clock is ahead of Now
}

// Embedder is the feature-hashing embedder, unless the test sets one of its fields.
type Embedder struct {
	embed.Embedder

	Fails error        // returned instead of vectors
	Blind bool         // it cannot read any text
	Alone bool         // it fails for several texts at once
	Texts atomic.Int64 // number of texts it was asked for
}

// Embed returns the vectors of the texts, or what the test wants.
func (e *Embedder) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	e.Texts.Add(int64(len(texts)))
	switch {
	case e.Fails != nil:
		return nil, e.Fails
	case e.Alone && len(texts) > 1:
		return nil, errors.New("too many texts")
	case e.Blind:
		return make([][]float32, len(texts)), nil
	}
	return e.Embedder.Embed(ctx, texts)
}

// Each runs the test with a fixture on both databases.
func Each(t *testing.T, test func(t *testing.T, f *Fixture)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db storetest.Database) { test(t, New(t, db, "")) })
}

// New returns a fixture on a database. The service accepts apiKey if it is not empty.
func New(t *testing.T, db storetest.Database, apiKey string) *Fixture {
	t.Helper()
	f := &Fixture{T: t, DB: db, Embedder: &Embedder{Embedder: embed.NewHash()}}
	f.Store = db.OpenAt(t, f.clock)
	f.History = history.New(history.Options{
		Store: f.Store, Embedder: f.Embedder, Now: f.clock, Wake: func(chat.WorkspaceID) { f.Woken.Add(1) }, APIKey: apiKey,
	})
	f.WS = f.AddWorkspace("w")
	return f
}

func (f *Fixture) clock() time.Time { return Now().Add(f.Passed) }

// With returns a fixture on the same database and workspace with another history.
func (f *Fixture) With(change func(*history.Options)) *Fixture {
	f.T.Helper()
	o := history.Options{Store: f.Store, Embedder: f.Embedder, Now: f.clock}
	change(&o)
	return &Fixture{T: f.T, DB: f.DB, Store: f.Store, WS: f.WS, Embedder: f.Embedder, History: history.New(o)}
}

// AddWorkspace creates a workspace unless one with that name exists.
func (f *Fixture) AddWorkspace(name string) (ws chat.WorkspaceID) {
	f.T.Helper()
	require.NoError(f.T, f.Store.InTx(f.T.Context(), func(tx *store.Tx) (err error) {
		ws, err = tx.EnsureWorkspace(name)
		return err
	}))
	return ws
}

// Access returns the operator's access to the workspace.
func (f *Fixture) Access() history.Access { return f.History.AsOperator(f.WS) }

// Upload returns an upload whose messages alternate between human and assistant.
func Upload(id string, texts ...string) chat.Upload {
	u := chat.Upload{ExternalID: id, Title: "About " + id, CreatedAt: Now(), UpdatedAt: Now()}
	for i, text := range texts {
		u.Messages = append(u.Messages, chat.UploadMessage{Role: []string{"human", "assistant"}[i%2], Text: text})
	}
	return u
}

// Ingest uploads a conversation.
func (f *Fixture) Ingest(u chat.Upload) history.Ingested {
	f.T.Helper()
	done, err := f.Access().Ingest(f.T.Context(), u)
	require.NoError(f.T, err)
	return done
}

// Index indexes the queued conversations and returns how many there were.
func (f *Fixture) Index() int {
	f.T.Helper()
	ctx := f.T.Context()
	for n := 0; ; n++ {
		var claims []store.Claim
		require.NoError(f.T, f.Store.InTx(ctx, func(tx *store.Tx) (err error) {
			claims, err = tx.Claim(time.Minute, 1, true)
			return err
		}))
		if len(claims) == 0 {
			return n
		}
		turns, err := f.Store.View(ctx).ClaimedTranscript(claims[0])
		require.NoError(f.T, err)
		x := store.Indexed{Model: f.Embedder.Model(), Tokens: 1}
		for _, c := range chunker.Split(turns.Title, turns.Turns) {
			vectors, err := f.Embedder.Embed(ctx, []string{c.Text})
			require.NoError(f.T, err)
			x.Chunks = append(x.Chunks, store.IndexedChunk{
				Position: c.Position, First: c.First, Last: c.Last, Content: c.Passage, Text: c.Text, Terms: text.Terms(c.Text), Vector: vectors[0],
			})
		}
		require.NoError(f.T, f.Store.InTx(ctx, func(tx *store.Tx) error { return tx.FinishIndexing(claims[0], x) }))
	}
}

// Search searches the workspace.
func (f *Fixture) Search(q search.Query) search.Result {
	f.T.Helper()
	found, err := f.Access().Search(f.T.Context(), q)
	require.NoError(f.T, err)
	return found
}

// Recall asks the workspace for a digest.
func (f *Fixture) Recall(q recall.Query) recall.Answer {
	f.T.Helper()
	answer, err := f.Access().Recall(f.T.Context(), q)
	require.NoError(f.T, err)
	return answer
}

// Transcript reads a whole conversation.
func (f *Fixture) Transcript(id chat.ConversationID) chat.Transcript {
	f.T.Helper()
	t, err := ReadAll(f.T.Context(), f.Access(), id)
	require.NoError(f.T, err)
	return t
}

// Count returns how many conversations the workspace has.
func (f *Fixture) Count() int {
	f.T.Helper()
	n, err := f.Access().Count(f.T.Context())
	require.NoError(f.T, err)
	return n
}

// ReadAll reads a whole conversation.
func ReadAll(ctx context.Context, a history.Access, id chat.ConversationID) (t chat.Transcript, err error) {
	r, err := a.Read(ctx, id)
	if err != nil {
		return chat.Transcript{}, err
	}
	t.Conversation = r.Conversation
	for part, err := range r.Parts(ctx) {
		if err != nil {
			return t, err
		}
		if part.Begins() {
			t.Turns = append(t.Turns, part.Message)
			continue
		}
		t.Turns[len(t.Turns)-1].Text += part.Text
	}
	return t, nil
}

// Word returns a made-up word for a number. No two have the same stem.
func Word(about string, n int) string {
	const letters = "bdfgkmpz"
	return about + string([]byte{letters[n/64%8], letters[n/8%8], letters[n%8]})
}

// Words returns a text of n different words. A hundred words fill a passage.
func Words(about string, n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = Word(about, i)
	}
	return strings.Join(list, " ") + "."
}
