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

// The process is killed shortly after an event of one of these kinds has begun.
const (
	uploading = "uploading"
	indexing  = "indexing"
	deleting  = "deleting"
)

// TestCrash kills the process, like a power cut, during uploads, indexing and deletes.
// After each restart every answered call must have its effect, every unanswered call must
// be done completely or not at all, and queued work must go on.
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
			require.Empty(t, there, "stored conversations that were never uploaded")
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
	crashLease  = 400 * time.Millisecond // the lease of claims, until a killed worker's claim is due
	crashSpread = 8 * time.Millisecond   // the longest delay between an event and the kill
	writerCount = 3
	chatsEach   = 4
)

// beginnings reports when something begins during which the process may be killed. It is
// also the embedder that the service calls, because this is how the test learns of
// indexing.
type beginnings struct {
	embed.Embedder
	of chan string
}

// Embed reports that it begins, and embeds the texts.
func (b *beginnings) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	b.begin(indexing)
	return b.Embedder.Embed(ctx, texts)
}

// begin reports the event to a waiting test. It does not block.
func (b *beginnings) begin(kind string) {
	select {
	case b.of <- kind:
	default:
	}
}

// await waits for the n-th event of the kind, and then for the delay.
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
	<-time.After(delay) // this waits for time on purpose: the kill is at a random moment
}

// chatState is what a writer knows about one of its conversations.
type chatState struct {
	external string
	version  int    // as last answered; 0 if it does not exist
	id       string // of that version
	tried    int    // the version of an upload without an answer yet
	removing bool   // a delete has no answer yet
	last     int    // the newest version that was ever sent
}

// writer uploads, edits and deletes its own conversations, one call after the other.
type writer struct {
	name    string
	random  *rand.Rand
	began   *beginnings
	chats   []*chatState
	gone    map[string]bool // deleted ids, which must never be stored again
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

// work makes calls until the service is killed.
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
			w.failure = err // the service is running and gave a wrong answer
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
		return fmt.Errorf("%w: %s was stored, and its delete answered %v", errWrongAnswer, s.id, answer.Deleted)
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

// check compares what is stored after a restart with the answers, removes it from the
// inventory, and continues from there.
func (w *writer) check(t *testing.T, there map[string]api.ConversationDetail) {
	t.Helper()
	for _, s := range w.chats {
		found, ok := there[s.external]
		delete(there, s.external)
		now := 0
		if ok {
			now = whole(t, found, s.last)
			require.False(t, w.gone[found.ID], "%s is stored, although its delete was answered", found.ID)
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

// checkSearch searches for each conversation by words that only its current, or only an
// earlier, version contains.
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

// inventory returns every stored conversation by its external id.
func inventory(t *testing.T, c *client.Client) map[string]api.ConversationDetail {
	t.Helper()
	there := map[string]api.ConversationDetail{}
	for summary, err := range c.All(t.Context(), client.ListOptions{PageSize: 100}) {
		require.NoError(t, err)
		detail, err := c.Get(t.Context(), summary.ID)
		require.NoError(t, err)
		require.NotContains(t, there, detail.PlatformConversationID, "a conversation is stored twice")
		there[detail.PlatformConversationID] = detail
	}
	return there
}

// version returns a conversation at a version: every message of the previous version is
// edited, and one is added until there are many.
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

// whole returns the version that a conversation is in. It fails the test if its messages
// are of two versions or incomplete.
func whole(t *testing.T, c api.ConversationDetail, newest int) int {
	t.Helper()
	require.NotEmpty(t, c.Messages)
	external := c.PlatformConversationID
	for v := newest; v > 0; v-- {
		if c.Messages[0].Text != text(external, v, 0) {
			continue
		}
		sent := len(version(external, v).Conversation.Messages)
		require.Equal(t, sent, c.Total, "%s does not have the messages of version %d", external, v)
		for i, m := range c.Messages {
			require.Equal(t, i, m.MessageIndex)
			require.Equal(t, text(external, v, i), m.Text, "%s is in version %d", external, v)
		}
		return v
	}
	require.Fail(t, "a conversation is in no version", "%s: %s", external, c.Messages[0].Text)
	return 0
}

// word returns a word of letters only, which no other version contains and no stemmer
// changes.
func word(external string, v int) string {
	letters := []rune("zq")
	for _, r := range external { // twice, so that no word is a misspelling of another
		letters = append(letters, r, r)
	}
	for ; v > 0; v /= 10 {
		digit := rune("bcdfghjkmn"[v%10])
		letters = append(letters, digit, digit)
	}
	return string(letters) + "x"
}
