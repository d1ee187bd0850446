package indexer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/chunker"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/indexer"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/internal/text"
)

// patience is how long a test waits for a signal that must come.
const patience = 20 * time.Second

// trialText is the text with which the indexer checks whether an embedder answers.
const trialText = "Where did we park?"

// scripted is an embedder that the test controls.
type scripted struct {
	mu    sync.Mutex
	texts []string // all texts that it was asked to embed
	do    func(ctx context.Context, call int, texts []string) ([][]float32, error)
	away  error // if set, it answers no request, not even a trial
	calls int
	as    embed.Model // model when it is empty
}

var model = embed.Model{ID: "scripted", Dimensions: 2}

func (e *scripted) Model() embed.Model {
	if e.as.ID != "" {
		return e.as
	}
	return model
}

func (e *scripted) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	e.mu.Lock()
	if len(texts) == 1 && texts[0] == trialText {
		defer e.mu.Unlock()
		if e.away != nil {
			return nil, e.away
		}
		return [][]float32{{1, 0}}, nil
	}
	e.calls++
	call, do, away := e.calls, e.do, e.away
	e.texts = append(e.texts, texts...)
	e.mu.Unlock()
	if away != nil {
		return nil, away
	}
	if do != nil {
		if vectors, err := do(ctx, call, texts); vectors != nil || err != nil {
			return vectors, err
		}
	}
	vectors := make([][]float32, len(texts))
	for i := range vectors {
		vectors[i] = []float32{1, 0}
	}
	return vectors, nil
}

// pause stops an embedder in the middle of its work.
type pause struct{ begun, finish chan struct{} }

func newPause() pause { return pause{make(chan struct{}), make(chan struct{})} }

// embed signals that it has begun and waits until the test lets it finish, or until its
// context ends.
func (p pause) embed(ctx context.Context, _ int, _ []string) ([][]float32, error) {
	select {
	case p.begun <- struct{}{}:
	case <-ctx.Done():
	}
	select {
	case <-p.finish:
		return nil, nil
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Canceled, ctx.Err(), "embedding was stopped")
	}
}

// script changes the behavior from now on.
func (e *scripted) script(do func(context.Context, int, []string) ([][]float32, error)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.do = do
}

// goes makes the embedder fail with away, or answer again when away is nil.
func (e *scripted) goes(away error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.away = away
}

// asked returns the texts that the embedder was asked for since the last call.
func (e *scripted) asked() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	texts := e.texts
	e.texts = nil
	return texts
}

// settled is the end of one claim, as the log reports it.
type settled struct {
	conversation chat.ConversationID
	attempt      int
	outcome      string
}

// journal is the indexer's log. Tests wait for its lines.
type journal struct {
	settled chan settled
	mu      sync.Mutex
	lines   []string // of level Info and above
	all     strings.Builder
}

func (j *journal) Enabled(context.Context, slog.Level) bool { return true }
func (j *journal) WithAttrs([]slog.Attr) slog.Handler       { return j }
func (j *journal) WithGroup(string) slog.Handler            { return j }

func (j *journal) Handle(_ context.Context, r slog.Record) error {
	attrs := map[string]string{}
	line := r.Level.String() + " " + r.Message
	var attempt int
	r.Attrs(func(a slog.Attr) bool {
		attrs[a.Key] = a.Value.String()
		line += " " + a.String()
		if a.Key == "attempt" {
			attempt = int(a.Value.Int64())
		}
		return true
	})
	j.mu.Lock()
	j.all.WriteString(line + "\n")
	if r.Level >= slog.LevelInfo {
		j.lines = append(j.lines, line)
	}
	j.mu.Unlock()
	if r.Message == "indexer: conversation settled" {
		j.settled <- settled{chat.ConversationID(attrs["conversation"]), attempt, attrs["outcome"]}
	}
	return nil
}

func (j *journal) warnings() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lines
}

// works is a database with indexers on it.
type works struct {
	t        *testing.T
	db       storetest.Database
	store    *store.Store
	history  *history.History
	ws       chat.WorkspaceID
	embedder *scripted
	journal  *journal
	trials   *trials
}

// trials are the trials of an embedder that does not answer. The test decides when they
// run.
type trials struct{ planned chan func() }

func (p *trials) after(_ time.Duration, try func()) func() {
	p.planned <- try
	return func() {}
}

// secret is in every text, and must not be in any log.
const secret = "xylophone"

func each(t *testing.T, test func(t *testing.T, w *works)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		w := newWorks(t, db)
		test(t, w)
		require.NotContains(t, w.journal.all.String(), secret, "a text reached the log")
		require.Empty(t, db.Damage(t))
	})
}

func newWorks(t *testing.T, db storetest.Database) *works {
	t.Helper()
	w := &works{t: t, db: db, store: db.Open(t), embedder: &scripted{}, journal: &journal{settled: make(chan settled, 1000)},
		trials: &trials{make(chan func(), 100)}}
	w.history = history.New(history.Options{Store: w.store, Embedder: w.embedder})
	require.NoError(t, w.store.InTx(t.Context(), func(tx *store.Tx) (err error) {
		w.ws, err = tx.EnsureWorkspace("w")
		return err
	}))
	return w
}

// running is an indexer at work.
type running struct {
	*indexer.Indexer
	t          *testing.T
	soft, hard context.CancelFunc
	done       chan struct{}
}

// start runs an indexer. Settings that the test leaves out get values that avoid waiting.
func (w *works) start(o indexer.Options) *running {
	w.t.Helper()
	if o.Store == nil {
		o.Store = w.store
	}
	if o.Embedder == nil {
		o.Embedder = w.embedder
	}
	if o.Backoff == nil {
		o.Backoff = func(int) time.Duration { return time.Millisecond }
	}
	if o.Trials.After == nil {
		o.Trials.After = w.trials.after
	}
	if o.Poll == 0 {
		o.Poll = 10 * time.Millisecond
	}
	o.Logger = slog.New(w.journal)
	softly, soft := context.WithCancel(context.Background())
	hardly, hard := context.WithCancel(context.Background())
	r := &running{Indexer: indexer.New(o), t: w.t, soft: soft, hard: hard, done: make(chan struct{})}
	require.NoError(w.t, r.Adopt(w.t.Context())) // in the order in which a test starts them
	go func() {
		defer close(r.done)
		r.Run(softly, hardly)
	}()
	w.t.Cleanup(func() { soft(); hard(); <-r.done })
	return r
}

// tracing opens the database once more and signals each statement that contains one of the parts.
func (w *works) tracing(parts ...string) (*store.Store, <-chan struct{}) {
	w.t.Helper()
	seen := make(chan struct{}, 10_000)
	o := w.db.Options()
	o.Trace = func(statement string) {
		for _, part := range parts {
			if strings.Contains(statement, part) {
				seen <- struct{}{}
			}
		}
	}
	s, err := store.Open(w.t.Context(), o)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { require.NoError(w.t, s.Close()) })
	return s, seen
}

// stop ends an indexer softly and waits until it has ended.
func (r *running) stop() {
	r.t.Helper()
	r.soft()
	wait(r.t, r.done)
}

// wait receives an expected signal.
func wait[T any](t *testing.T, signal <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-signal:
	case <-time.After(patience):
		t.Fatal("the signal did not come")
	}
	return v
}

// expect waits for the next claim that ends.
func (w *works) expect(conversation chat.ConversationID, attempt int, outcome string) {
	w.t.Helper()
	require.Equal(w.t, settled{conversation, attempt, outcome}, wait(w.t, w.journal.settled))
}

// add uploads a conversation and returns its id.
func (w *works) add(id string, texts ...string) chat.ConversationID {
	w.t.Helper()
	u := chat.Upload{ExternalID: id, Title: "About " + id}
	for i, text := range texts {
		u.Messages = append(u.Messages, chat.UploadMessage{Role: []string{"human", "assistant"}[i%2], Text: text + " " + secret})
	}
	done, err := w.history.AsOperator(w.ws).Ingest(w.t.Context(), u)
	require.NoError(w.t, err)
	return done.Conversation.ID
}

func (w *works) remove(id chat.ConversationID) {
	w.t.Helper()
	gone, err := w.history.AsOperator(w.ws).DeleteConversations(w.t.Context(), []chat.ConversationID{id}, chat.DeleteOptions{})
	require.NoError(w.t, err)
	require.Equal(w.t, []chat.ConversationID{id}, gone.IDs)
}

func (w *works) conversation(id chat.ConversationID) chat.Conversation {
	w.t.Helper()
	c, err := w.store.View(w.t.Context()).Conversation(w.ws, id)
	require.NoError(w.t, err)
	return c
}

// shown is a stored chunk with its text.
type shown struct {
	store.StoredChunk
	Content chat.Passage
	Text    string
}

func (w *works) chunks(id chat.ConversationID) []shown {
	w.t.Helper()
	v := w.store.View(w.t.Context())
	chunks, err := v.StoredChunks(w.ws, id, 0, 1<<30)
	require.NoError(w.t, err)
	passages, err := v.StoredPassages(w.ws, id, w.conversation(id).Title, chunks)
	require.NoError(w.t, err)
	all := make([]shown, len(chunks))
	for i, c := range chunks {
		all[i] = shown{c, passages[i], chunker.Render(passages[i])}
		require.Equal(w.t, store.TextSum(all[i].Text), c.Sum, "a passage shows what was indexed")
	}
	return all
}

// found returns the conversations that a word finds and those that a vector finds.
func (w *works) found(word string) (byWord, byVector []chat.ConversationID) {
	w.t.Helper()
	v := w.store.View(w.t.Context())
	words, err := v.SearchKeyword(w.ws, store.Words{Terms: text.Terms(word)}, chat.Filter{})
	require.NoError(w.t, err)
	return idsOf(words.Passages), w.foundBy(model)
}

// foundBy returns the conversations that a vector of the model finds.
func (w *works) foundBy(m embed.Model) []chat.ConversationID {
	w.t.Helper()
	vectors, err := w.store.View(w.t.Context()).SearchSemantic(w.ws, m, []float32{1, 0}, chat.Filter{})
	require.NoError(w.t, err)
	return idsOf(vectors)
}

func idsOf(list []rank.Scored) (ids []chat.ConversationID) {
	for _, s := range list {
		ids = append(ids, s.Key.Conversation)
	}
	return ids
}

// due returns the claim that another worker would get, if any work is due.
func (w *works) due() (claims []store.Claim) {
	w.t.Helper()
	require.NoError(w.t, w.store.InTx(w.t.Context(), func(tx *store.Tx) (err error) {
		claims, err = tx.Claim(time.Minute, 1, true)
		return err
	}))
	return claims
}

// long returns a text that fills a passage. Different names give different texts.
func long(name string) string {
	var b strings.Builder
	for i := range 100 {
		fmt.Fprintf(&b, "%sword%d ", name, i)
	}
	return b.String()
}

// tick is how often a test checks for something that sends no signal.
const tick = time.Millisecond

const hour = time.Hour

// embeddings returns an embedder behind an API. Its server calls first for each request,
// and answers unless first returns true.
func embeddings(t *testing.T, first func(http.ResponseWriter, *http.Request) bool) embed.Embedder {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if first(rw, r) {
			return
		}
		var asked struct {
			Input []string `json:"input"`
		}
		_ = json.NewDecoder(r.Body).Decode(&asked)
		type item struct {
			Embedding []float32 `json:"embedding"`
		}
		answer := struct {
			Data []item `json:"data"`
		}{make([]item, len(asked.Input))}
		for i := range answer.Data {
			answer.Data[i].Embedding = []float32{1, 0}
		}
		_ = json.NewEncoder(rw).Encode(answer)
	}))
	t.Cleanup(server.Close)
	e, err := embed.NewOpenAI(embed.OpenAIOptions{URL: server.URL, Model: "m", MaxRetries: -1})
	require.NoError(t, err)
	return e
}
