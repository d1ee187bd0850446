package history_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/chunker"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/internal/text"
)

// now is when every test happens, until its clock moves.
var now = time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC)

// desk is a history on a database of its own, with what a test wants to know.
type desk struct {
	t        *testing.T
	db       storetest.Database
	store    *store.Store
	history  *history.History
	ws       chat.WorkspaceID
	embedder *scripted
	woken    atomic.Int32  // how often the indexer was told of work
	passed   time.Duration // since now
}

// scripted is the feature-hashing embedder, unless the test says otherwise.
type scripted struct {
	embed.Embedder
	fails error
	blind bool // it can read nothing
	texts atomic.Int64
}

func (e *scripted) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	e.texts.Add(int64(len(texts)))
	switch {
	case e.fails != nil:
		return nil, e.fails
	case e.blind:
		return make([][]float32, len(texts)), nil
	}
	return e.Embedder.Embed(ctx, texts)
}

// each runs the test on both databases.
func each(t *testing.T, test func(t *testing.T, d *desk)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db storetest.Database) { test(t, newDesk(t, db, "")) })
}

func newDesk(t *testing.T, db storetest.Database, apiKey string) *desk {
	t.Helper()
	d := &desk{t: t, db: db, embedder: &scripted{Embedder: embed.NewHash()}}
	clock := func() time.Time { return now.Add(d.passed) }
	d.store = db.OpenAt(t, clock)
	d.history = history.New(history.Options{
		Store: d.store, Embedder: d.embedder, Now: clock, Wake: func() { d.woken.Add(1) }, APIKey: apiKey,
	})
	d.ws = d.workspace("w")
	return d
}

// with is the same desk with other parts of its history.
func (d *desk) with(change func(*history.Options)) *desk {
	d.t.Helper()
	o := history.Options{Store: d.store, Embedder: d.embedder, Now: func() time.Time { return now.Add(d.passed) }}
	change(&o)
	other := &desk{t: d.t, db: d.db, store: d.store, ws: d.ws, embedder: d.embedder}
	other.history = history.New(o)
	return other
}

// operator manages keys and workspaces.
func (d *desk) operator() history.Administration {
	d.t.Helper()
	administration, err := d.history.Administer(auth.Operator(0))
	require.NoError(d.t, err)
	return administration
}

// as is the access of a key with these scopes to the desk's workspace.
func (d *desk) as(keyID string, scopes ...auth.Scope) history.Access {
	d.t.Helper()
	access, err := d.history.As(auth.NewPrincipal(keyID, d.ws, scopes...))
	require.NoError(d.t, err)
	return access
}

func (d *desk) workspace(name string) (ws chat.WorkspaceID) {
	d.t.Helper()
	require.NoError(d.t, d.store.InTx(d.t.Context(), func(tx *store.Tx) (err error) {
		ws, err = tx.EnsureWorkspace(name)
		return err
	}))
	return ws
}

// say is an upload whose messages alternate between human and assistant.
func say(id string, texts ...string) chat.Upload {
	u := chat.Upload{ExternalID: id, Title: "About " + id, CreatedAt: now, UpdatedAt: now}
	for i, text := range texts {
		u.Messages = append(u.Messages, chat.UploadMessage{Role: []string{"human", "assistant"}[i%2], Text: text})
	}
	return u
}

func (d *desk) ingest(u chat.Upload) history.Ingested {
	d.t.Helper()
	done, err := d.history.AsOperator(d.ws).Ingest(d.t.Context(), u)
	require.NoError(d.t, err)
	return done
}

func (d *desk) transcript(id string) chat.Transcript {
	d.t.Helper()
	t, err := readAll(d.t.Context(), d.history.AsOperator(d.ws), id)
	require.NoError(d.t, err)
	return t
}

func (d *desk) count() int {
	d.t.Helper()
	n, err := d.history.AsOperator(d.ws).Count(d.t.Context())
	require.NoError(d.t, err)
	return n
}

// index makes searchable what waits, as the indexer would, and tells how many
// conversations that were.
func (d *desk) index() int {
	d.t.Helper()
	ctx := d.t.Context()
	for n := 0; ; n++ {
		var claims []store.Claim
		require.NoError(d.t, d.store.InTx(ctx, func(tx *store.Tx) (err error) {
			claims, err = tx.Claim(time.Minute, 1, true)
			return err
		}))
		if len(claims) == 0 {
			return n
		}
		turns, err := d.store.View(ctx).ClaimedTranscript(claims[0])
		require.NoError(d.t, err)
		x := store.Indexed{Model: d.embedder.Model(), Tokens: 1}
		for _, c := range chunker.Split(turns.Title, turns.Turns) {
			vectors, err := d.embedder.Embed(ctx, []string{c.Text})
			require.NoError(d.t, err)
			x.Chunks = append(x.Chunks, store.IndexedChunk{
				Position: c.Position, First: c.First, Last: c.Last, Content: c.Passage, Text: c.Text, Terms: text.Terms(c.Text), Vector: vectors[0],
			})
		}
		require.NoError(d.t, d.store.InTx(ctx, func(tx *store.Tx) error { return tx.FinishIndexing(claims[0], x) }))
	}
}

func (d *desk) search(q history.SearchQuery) history.SearchResult {
	d.t.Helper()
	found, err := d.history.AsOperator(d.ws).Search(d.t.Context(), q)
	require.NoError(d.t, err)
	return found
}

func (d *desk) recall(q history.RecallQuery) history.Recollection {
	d.t.Helper()
	r, err := d.history.AsOperator(d.ws).Recall(d.t.Context(), q)
	require.NoError(d.t, err)
	return r
}

// word is a made-up word for a number; none is another's stem.
func word(about string, n int) string {
	const letters = "bdfgkmpz"
	return about + string([]byte{letters[n/64%8], letters[n/8%8], letters[n%8]})
}

// words is a text of n words of its own; a hundred fill a passage.
func words(about string, n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = word(about, i)
	}
	return strings.Join(list, " ") + "."
}

// readAll reads a conversation whole.
func readAll(ctx context.Context, a history.Access, id string) (t chat.Transcript, err error) {
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
