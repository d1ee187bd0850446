package app_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

var crashSeed = flag.Uint64("crash-seed", storetest.FixedSeed, "the seed of the crashes; 0 draws a new one")

// The moments at which the process is killed: shortly after something of this
// kind has begun.
const (
	uploading = "uploading"
	indexing  = "indexing"
	deleting  = "deleting"
)

// TestCrash kills the process, as a power cut would, in the middle of uploads,
// indexing and deletes. After each restart everything that was answered holds,
// what was not answered is done or not done but never half, and the work that was
// queued goes on.
func TestCrash(t *testing.T) {
	kills := map[string]int{storetest.SQLite: 9, storetest.Postgres: 10}
	if len(storetest.Kinds(t)) > 1 { // `make test`; an editor waits for fewer
		kills[storetest.SQLite] = 50
	}
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		seed := storetest.Seed(t, "crash-seed", *crashSeed)
		random := rand.New(rand.NewPCG(seed, 0))
		began := &beginnings{Embedder: embed.NewHash(), of: make(chan string)}
		start := func() *apptest.Process {
			return apptest.StartProcess(t, db, apptest.WithEmbedder(began), apptest.WithLease(crashLease))
		}
		writers := newWriters(seed, began)
		var seen struct{ uploads, indexing, deletes int }
		p := start()
		for round := range kills[db.Kind] {
			kind := []string{uploading, indexing, deleting}[round%3]
			var working sync.WaitGroup
			for _, w := range writers {
				working.Go(func() { w.work(t, p.Client) })
			}
			await(t, began.of, kind, 1+random.IntN(5), time.Duration(random.Int64N(int64(crashSpread))))
			p.Kill(t)
			working.Wait()
			for _, w := range writers {
				require.NoError(t, w.failure)
				seen.uploads += w.unanswered(uploading)
				seen.deletes += w.unanswered(deleting)
			}
			seen.indexing += db.Indexing(t)

			p = start()
			there := inventory(t, p.Client)
			for _, w := range writers {
				w.check(t, there)
			}
			require.Empty(t, there, "conversations that nobody uploaded")
			p.Idle(t)
			for _, w := range writers {
				w.checkSearch(t, p.Service)
			}
			require.Empty(t, db.Damage(t), "round %d", round)
		}
		t.Logf("%d kills interrupted %d uploads, %d deletes, and the indexing of %d conversations",
			kills[db.Kind], seen.uploads, seen.deletes, seen.indexing)
		require.Positive(t, seen.uploads)
		require.Positive(t, seen.deletes)
		require.Positive(t, seen.indexing)
	})
}

const (
	crashLease  = 400 * time.Millisecond // how long a killed worker's claim is waited for
	crashSpread = 8 * time.Millisecond   // how long after the beginning of something the kill comes, at most
	writerCount = 3
	chatsEach   = 4
)

// beginnings says when something begins that is worth a kill, and is the embedder
// that the service asks, since that is how the test learns of indexing.
type beginnings struct {
	embed.Embedder
	of chan string
}

// Embed embeds, and says so.
func (b *beginnings) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	b.begin(indexing)
	return b.Embedder.Embed(ctx, texts)
}

// begin tells whoever waits for it, and waits for nobody.
func (b *beginnings) begin(kind string) {
	select {
	case b.of <- kind:
	default:
	}
}

// await returns a moment after the n-th beginning of the kind.
func await(t *testing.T, of <-chan string, kind string, n int, delay time.Duration) {
	t.Helper()
	patience := time.After(apptest.Patience)
	for n > 0 {
		select {
		case k := <-of:
			if k == kind {
				n--
			}
		case <-patience:
			require.Fail(t, "nothing happens", kind)
		}
	}
	<-time.After(delay) // the one wait for time itself: a random moment
}

// chatState is what a writer knows of one of its conversations.
type chatState struct {
	external string
	version  int    // as last answered; 0 when there is none
	id       string // of that version
	tried    int    // the version of an upload without an answer yet
	removing bool   // a delete has no answer yet
	last     int    // the newest version that was ever tried
}

// writer uploads, edits and deletes conversations of its own, one call after the
// other.
type writer struct {
	name    string
	random  *rand.Rand
	began   *beginnings
	chats   []*chatState
	gone    map[string]bool // ids that must never be seen again
	failure error
}

func newWriters(seed uint64, began *beginnings) (writers []*writer) {
	for i := range writerCount {
		w := &writer{name: string(rune('a' + i)), random: rand.New(rand.NewPCG(seed, uint64(i+1))), began: began, gone: map[string]bool{}}
		for j := range chatsEach {
			w.chats = append(w.chats, &chatState{external: w.name + string(rune('a'+j))})
		}
		writers = append(writers, w)
	}
	return writers
}

// work goes on until the service is dead.
func (w *writer) work(t *testing.T, c *client.Client) {
	for {
		s := w.chats[w.random.IntN(len(w.chats))]
		var err error
		if s.version > 0 && w.random.IntN(2) == 0 {
			err = w.remove(t.Context(), c, s)
		} else {
			err = w.upload(t.Context(), c, s)
		}
		var answered *client.Error
		switch {
		case errors.As(err, &answered), errors.Is(err, errWrongAnswer):
			w.failure = err // the service is alive and says something that it must not
			return
		case err != nil:
			return
		}
	}
}

var errWrongAnswer = errors.New("a wrong answer")

func (w *writer) upload(ctx context.Context, c *client.Client, s *chatState) error {
	s.last++
	s.tried = s.last
	w.began.begin(uploading)
	answer, err := c.Upload(ctx, version(s.external, s.tried))
	if err != nil {
		return err
	}
	if s.version > 0 && answer.ConversationID != s.id || w.gone[answer.ConversationID] {
		return fmt.Errorf("%w: %s has the id %s", errWrongAnswer, s.external, answer.ConversationID)
	}
	s.version, s.id, s.tried = s.tried, answer.ConversationID, 0
	return nil
}

func (w *writer) remove(ctx context.Context, c *client.Client, s *chatState) error {
	s.removing = true
	w.began.begin(deleting)
	answer, err := c.Delete(ctx, s.id)
	if err != nil {
		return err
	}
	if !slices.Equal(answer.Deleted, []string{s.id}) {
		return fmt.Errorf("%w: %s was there, and its delete says %v", errWrongAnswer, s.id, answer.Deleted)
	}
	w.lost(s)
	return nil
}

func (w *writer) lost(s *chatState) {
	w.gone[s.id] = true
	s.version, s.id, s.removing = 0, "", false
}

func (w *writer) unanswered(kind string) (n int) {
	for _, s := range w.chats {
		if (kind == uploading && s.tried > 0) || (kind == deleting && s.removing) {
			n++
		}
	}
	return n
}

// check compares what is there after a restart with what was answered, takes it
// from the inventory, and goes on from there.
func (w *writer) check(t *testing.T, there map[string]api.ConversationDetail) {
	t.Helper()
	for _, s := range w.chats {
		found, ok := there[s.external]
		delete(there, s.external)
		now := 0
		if ok {
			now = whole(t, found, s.last)
			require.False(t, w.gone[found.ID], "%s is back, though its delete was answered", found.ID)
		}
		allowed := []int{s.version}
		if s.tried > 0 {
			allowed = append(allowed, s.tried)
		}
		if s.removing {
			allowed = append(allowed, 0)
		}
		require.Contains(t, allowed, now, "the version of %s", s.external)
		if now == 0 && s.version > 0 {
			w.lost(s)
		}
		if now > 0 && s.version > 0 {
			require.Equal(t, s.id, found.ID)
		}
		s.version, s.id, s.tried, s.removing = now, found.ID, 0, false
	}
}

// checkSearch looks every conversation up by words that only it, or only what it
// was before, has.
func (w *writer) checkSearch(t *testing.T, s *apptest.Service) {
	t.Helper()
	for _, c := range w.chats {
		for v := max(1, c.last-2); v <= c.last; v++ {
			want := []string{}
			if v == c.version {
				want = append(want, c.id)
			}
			require.Equal(t, want, s.Finds(t, word(c.external, v)), "version %d of %s, which has %d", v, c.external, c.version)
		}
	}
}

// inventory is every conversation that is there, by the caller's own id.
func inventory(t *testing.T, c *client.Client) map[string]api.ConversationDetail {
	t.Helper()
	there := map[string]api.ConversationDetail{}
	for summary, err := range c.All(t.Context(), client.ListOptions{PageSize: 100}) {
		require.NoError(t, err)
		detail, err := c.Get(t.Context(), summary.ID)
		require.NoError(t, err)
		require.NotContains(t, there, detail.PlatformConversationID, "one conversation, stored twice")
		there[detail.PlatformConversationID] = detail
	}
	return there
}

// version is how a conversation reads at a version: every message of the version
// before is edited, and until there are many, one is new.
func version(external string, v int) api.UploadRequest {
	var texts []string
	for i := range 2 + min(v, 30) {
		texts = append(texts, text(external, v, i))
	}
	u := apptest.Conversation(external, texts...)
	u.Conversation.Title = new("Chat " + external)
	return u
}

func text(external string, v, i int) string {
	return fmt.Sprintf("%s message %d. %s", word(external, v), i, strings.Repeat("The weather was neither good nor bad. ", 1+i%7))
}

// whole returns the version that a conversation is in, and fails when it is in
// none: when it has messages of two, or not all of one.
func whole(t *testing.T, c api.ConversationDetail, newest int) int {
	t.Helper()
	require.NotEmpty(t, c.Messages)
	external := c.PlatformConversationID
	for v := newest; v > 0; v-- {
		if c.Messages[0].Text != text(external, v, 0) {
			continue
		}
		sent := len(version(external, v).Conversation.Messages)
		require.Equal(t, sent, c.Total, "%s has not the messages of version %d", external, v)
		for i, m := range c.Messages {
			require.Equal(t, i, m.MessageIndex)
			require.Equal(t, text(external, v, i), m.Text, "%s is in version %d", external, v)
		}
		return v
	}
	require.Fail(t, "a conversation in no version", "%s: %s", external, c.Messages[0].Text)
	return 0
}

// word is one of letters alone, that no other version has and no stemmer changes.
func word(external string, v int) string {
	letters := []rune("zq" + external)
	for ; v > 0; v /= 10 {
		letters = append(letters, rune("bcdfghjkmn"[v%10]))
	}
	return string(letters) + "x"
}
