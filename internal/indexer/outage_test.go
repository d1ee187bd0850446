package indexer_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/indexer"
	"github.com/lethe-chat/lethe/internal/store"
)

// While the embedder does not answer, uploads can be found by words at once, no attempt is
// counted, and the log has one line about it. When it answers again, the vectors follow.
func TestWordsDoNotWaitForTheEmbedder(t *testing.T) {
	for name, away := range map[string]error{
		"unreachable":       errAway,
		"the key is wrong":  fault.Invalidf("the embeddings server refuses the key (401)"),
		"an internal error": fmt.Errorf("a surprise"),
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, w *works) {
				w.embedder.goes(away)
				x := w.start(indexer.Options{MaxAttempts: 2, Workers: 1})
				first := w.add("first", "the pelican")
				w.expect(first, 1, "postponed")
				try := wait(t, w.trials.planned)
				ids := []chat.ConversationID{first}
				for i := range 5 {
					ids = append(ids, w.add(fmt.Sprint(i), "the pelican"))
				}
				x.Wake()
				require.Eventually(t, func() bool { byWord, _ := w.found("pelican"); return len(byWord) == len(ids) }, patience, tick)
				for range 3 { // more often than MaxAttempts allows
					try()
					try = wait(t, w.trials.planned)
				}
				for _, id := range ids {
					require.Eventually(t, func() bool { return w.conversation(id).IndexState == chat.Queued }, patience, tick)
					require.Contains(t, w.conversation(id).IndexError, "keyword search can find it already")
				}
				require.Len(t, w.journal.warnings(), 1, "%v", w.journal.warnings())

				w.embedder.goes(nil)
				try()
				for range ids {
					s := wait(t, w.journal.settled)
					require.Equal(t, settled{s.conversation, 1, "ready"}, s, "no attempt was counted")
				}
				_, byVector := w.found("pelican")
				require.ElementsMatch(t, ids, byVector)
				require.Equal(t, 1, w.told("INFO", "the embedder answers again"))
				require.Len(t, w.journal.warnings(), 2)
				for _, id := range ids {
					require.Empty(t, w.conversation(id).IndexError)
				}
			})
		})
	}
}

// Words are indexed although every worker waits for an embedder that hangs.
func TestWordsDoNotWaitForAnEmbedderThatHangs(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		work := newPause()
		w.embedder.do = work.embed
		w.add("first", "the heron")
		w.add("second", "the heron")
		x := w.start(indexer.Options{Workers: 2})
		wait(t, work.begun)
		wait(t, work.begun)
		id := w.add("third", "the pelican")
		x.Wake()
		require.Eventually(t, func() bool { byWord, _ := w.found("pelican"); return len(byWord) == 1 && byWord[0] == id }, patience, tick)
		close(work.finish)
	})
}

// A panic, in the embedder or elsewhere, is a failed attempt for its conversation. Other
// conversations are indexed as usual.
func TestAPanicIsAFailedAttempt(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		w.embedder.do = func(_ context.Context, _ int, texts []string) ([][]float32, error) {
			if len(texts) > 1 {
				panic(secret)
			}
			return nil, nil
		}
		x := w.start(indexer.Options{MaxAttempts: 2})
		bad := w.add("bad", long("a"), long("b"))
		w.expect(bad, 1, "retried")
		w.expect(bad, 2, "failed")
		good := w.add("good", "text")
		w.expect(good, 1, "ready")
		x.stop()
		byWord, _ := w.found("aword7")
		require.Contains(t, byWord, bad)
		require.Equal(t, 2, w.told("WARN", "panic"), "%v", w.journal.warnings())
	})
}

// An embedder that panics for every text counts as one that does not answer.
func TestAnEmbedderThatAlwaysPanicsIsAway(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		x := w.start(indexer.Options{Embedder: panicking{w.embedder}})
		id := w.add("x", "the pelican")
		w.expect(id, 1, "postponed")
		x.stop()
		byWord, _ := w.found("pelican")
		require.Equal(t, []chat.ConversationID{id}, byWord)
	})
}

type panicking struct{ *scripted }

func (panicking) Embed(context.Context, []string) ([][]float32, error) { panic(secret) }

// A rate limit counts no attempt of the conversation, even if the next request is answered.
func TestARateLimitIsNoAttempt(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		var requests int
		server := embeddings(t, func(rw http.ResponseWriter, _ *http.Request) bool {
			requests++
			if requests == 1 {
				rw.Header().Set("Retry-After", "60")
				rw.WriteHeader(http.StatusTooManyRequests)
			}
			return requests == 1
		})
		w.start(indexer.Options{Embedder: server})
		id := w.add("x", "the pelican")
		w.expect(id, 1, "postponed")
		wait(t, w.trials.planned)()
		w.expect(id, 1, "ready")
	})
}

// A conversation that a program with a wrong clock postponed until tomorrow is indexed now.
func TestALeaseFromTheFuture(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		id := w.add("x", "the pelican")
		require.NoError(t, w.store.InTx(t.Context(), func(tx *store.Tx) error {
			claims, err := tx.Claim(24*hour, 1, true)
			require.Len(t, claims, 1)
			return err
		}))
		w.start(indexer.Options{})
		w.expect(id, 2, "ready")
		require.Equal(t, 1, w.told("WARN", "was a clock wrong"))
	})
}
