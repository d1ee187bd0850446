package indexer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/chunker"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/indexer"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/text"
)

// errAway is the error of an embedder that may answer again later.
var errAway = fault.New(fault.Unavailable, "the embeddings server cannot be reached")

func TestAConversationBecomesSearchable(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		id := w.add("x", "the pelican "+long("a"), long("b"), "short", "")
		x := w.start(indexer.Options{})
		w.expect(id, 1, "ready")
		x.stop()
		c := w.conversation(id)
		turns, err := w.store.View(t.Context()).Transcript(w.ws, id)
		require.NoError(t, err)
		size := 0
		for _, m := range turns.Turns {
			size += text.Tokens(m.Text)
		}
		want := chunker.Split(c.Title, turns.Turns)
		require.Equal(t, []any{chat.Ready, "", size, len(want)}, []any{c.IndexState, c.IndexError, c.Tokens, c.Chunks})
		got := w.chunks(id)
		require.Len(t, got, len(want))
		for i, chunk := range got {
			require.Equal(t, want[i], chunker.Chunk{Passage: chunk.Content, Text: chunk.Text, First: chunk.First, Last: chunk.Last, Position: chunk.Position})
			require.Equal(t, []any{model.ID, []float32{1, 0}}, []any{chunk.Model, chunk.Vector})
		}
		byWord, byVector := w.found("pelican")
		require.Equal(t, []chat.ConversationID{id}, byWord)
		require.Len(t, byVector, len(want))
		require.Empty(t, w.journal.warnings())
		require.Empty(t, w.due())
	})
}

func TestAFailureIsTriedAgain(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		id := w.add("x", "the pelican")
		w.embedder.do = func(_ context.Context, call int, _ []string) ([][]float32, error) {
			if call > 1 { // what a client sees in between
				c := w.conversation(id)
				require.Equal(t, []any{chat.Indexing, fault.Message(errAway)}, []any{c.IndexState, c.IndexError})
				byWord, _ := w.found("pelican")
				require.Equal(t, []chat.ConversationID{id}, byWord)
			}
			if call <= 3 {
				return nil, errAway
			}
			return nil, nil
		}
		var asked []int
		w.start(indexer.Options{Backoff: func(attempt int) time.Duration {
			asked = append(asked, attempt)
			return time.Millisecond
		}})
		for attempt := range 3 {
			w.expect(id, attempt+1, "retried")
		}
		w.expect(id, 4, "ready")
		require.Equal(t, []int{1, 2, 3}, asked)
		c := w.conversation(id)
		require.Equal(t, []any{chat.Ready, ""}, []any{c.IndexState, c.IndexError})
		require.Len(t, w.journal.warnings(), 3)
	})
}

func TestABackOffIsKept(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		id := w.add("x", "the pelican")
		w.embedder.do = func(context.Context, int, []string) ([][]float32, error) { return nil, errAway }
		w.start(indexer.Options{Backoff: func(int) time.Duration { return time.Hour }, Horizon: 2 * time.Hour})
		began := time.Now()
		w.expect(id, 1, "retried")
		due, ok, err := w.store.View(t.Context()).NextDue(true)
		require.NoError(t, err)
		require.True(t, ok)
		require.WithinRange(t, due, began.Add(time.Hour).Add(-time.Minute), time.Now().Add(time.Hour))
		other := w.add("y", "another") // it does not wait for the first conversation
		w.expect(other, 1, "retried")
	})
}

// A conversation that cannot be embedded, while the embedder answers for others, fails with
// a reason for clients, and can be found by words. A restart does not retry it; a changed
// setting does.
func TestWhatFailsForGood(t *testing.T) {
	cases := map[string]struct {
		err      error
		attempts int
		reason   string
	}{
		"it never answers for this": {errAway, 3, "the embeddings server cannot be reached (keyword search can find it)"},
		"the embedder refuses":      {fault.Invalidf("the key is wrong"), 1, "the key is wrong (keyword search can find it)"},
		"a surprise":                {errors.New("quoted " + secret[:4] + "…"), 3, "an internal error; the server's log has the details (keyword search can find it)"},
	}
	each(t, func(t *testing.T, w *works) {
		last := "first"
		for name, c := range cases {
			id := w.add(name, "the pelican")
			w.embedder.do = func(context.Context, int, []string) ([][]float32, error) { return nil, c.err }
			x := w.start(indexer.Options{MaxAttempts: 3, Settings: last})
			for attempt := 1; attempt < c.attempts; attempt++ {
				w.expect(id, attempt, "retried")
			}
			w.expect(id, c.attempts, "failed")
			x.stop()
			got := w.conversation(id)
			require.Equal(t, []any{chat.Failed, c.reason, 1}, []any{got.IndexState, got.IndexError, got.Chunks}, name)
			byWord, byVector := w.found("pelican")
			require.Equal(t, []chat.ConversationID{id}, byWord, name)
			require.Empty(t, byVector, name)
			require.Empty(t, w.due(), name)

			w.embedder.do = nil
			x = w.start(indexer.Options{Settings: last})
			x.stop()
			require.Equal(t, chat.Failed, w.conversation(id).IndexState, "a restart changes nothing")
			last = name
			x = w.start(indexer.Options{Settings: last})
			w.expect(id, 1, "ready")
			x.stop()
			_, byVector = w.found("pelican")
			require.Equal(t, []chat.ConversationID{id}, byVector, name)
			w.remove(id)
		}
	})
}

// A conversation of any length is indexed in steps: no transaction and no request to the
// embedder has all of it. A worker that ends in the middle loses only one step.
func TestALongConversationIsIndexedInSteps(t *testing.T) {
	var texts []string
	for i := range 1300 {
		texts = append(texts, long(fmt.Sprint("m", i, "x")))
	}
	each(t, func(t *testing.T, w *works) {
		most, steps := 0, 0
		x := w.start(indexer.Options{Workers: 1})
		w.embedder.script(func(_ context.Context, _ int, texts []string) ([][]float32, error) {
			most, steps = max(most, len(texts)), steps+1
			if steps == 3 {
				x.soft()
				x.hard()
				return nil, fault.New(fault.Canceled, "stopped")
			}
			return nil, nil
		})
		id := w.add("x", texts...)
		w.expect(id, 1, "released")
		wait(t, x.done)
		c := w.conversation(id)
		require.Equal(t, chat.Queued, c.IndexState)
		require.GreaterOrEqual(t, c.Chunks, 1300)
		require.Greater(t, c.Tokens, 100_000)
		byWord, byVector := w.found("m1299xword7")
		require.Contains(t, byWord, id, "words find all of it")
		require.Len(t, byVector, 100)
		have := w.db.Count(t, "SELECT count(*) FROM embeddings")
		require.Positive(t, have)
		w.embedder.asked()

		w.start(indexer.Options{})
		w.expect(id, 1, "ready")
		require.Len(t, w.embedder.asked(), c.Chunks-have, "embedded passages are not embedded again")
		require.LessOrEqual(t, most, 256)
		var whole []string
		for _, chunk := range w.chunks(id) {
			whole = append(whole, chunk.Text)
			require.NotNil(t, chunk.Vector)
		}
		turns, err := w.store.View(t.Context()).Transcript(w.ws, id)
		require.NoError(t, err)
		var want []string
		for _, chunk := range chunker.Split(turns.Title, turns.Turns) {
			want = append(want, chunk.Text)
		}
		require.Equal(t, want, whole, "indexing in steps gives the same chunks as indexing at once")
	})
}

// One huge message does not affect the others: texts before and after a picture or a large
// log can be found.
func TestOneMessageSpoilsNothing(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		x := w.start(indexer.Options{})
		id := w.add("x", "the kumquat recipe")
		w.expect(id, 1, "ready")
		said := []string{"the kumquat recipe", "the heron data:image/png;base64," + strings.Repeat("QUJD", 60_000)}
		require.Equal(t, id, w.add("x", said...))
		w.expect(id, 1, "ready")
		said = append(said, strings.Repeat("2026-05-04 WARN pool: conn refused\n", 1<<20/36)+"the stork")
		require.Equal(t, id, w.add("x", said...))
		w.expect(id, 1, "ready")
		x.stop()
		for _, word := range []string{"kumquat", "heron", "stork"} {
			byWord, _ := w.found(word)
			require.Equal(t, []chat.ConversationID{id}, byWord, word)
		}
		byWord, _ := w.found("qujd")
		require.Empty(t, byWord)
		for _, c := range w.chunks(id) {
			require.NotContains(t, c.Text, "QUJD")
			require.NotNil(t, c.Vector)
		}
	})
}

// With a limit, the text beyond it is not indexed and the conversation says so. What was
// indexed before the limit was set stays indexed.
func TestALimitOfTokens(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		x := w.start(indexer.Options{})
		before := w.add("before", "the pelican "+long("a"), "the heron "+long("b"))
		w.expect(before, 1, "ready")
		x.stop()
		limit := w.conversation(before).Tokens * 3 / 4
		x = w.start(indexer.Options{MaxTokens: limit})
		require.Equal(t, before, w.add("before", "the pelican "+long("a"), "the heron "+long("b"), "the stork "+long("c")))
		w.expect(before, 1, "failed")
		fresh := w.add("fresh", "the pelican "+long("a"), "the ibis "+long("b"))
		w.expect(fresh, 1, "failed")
		x.stop()
		for word, want := range map[string][]chat.ConversationID{"pelican": {before, fresh}, "heron": {before}, "stork": nil, "ibis": nil} {
			byWord, _ := w.found(word)
			require.ElementsMatch(t, want, slices.Compact(slices.Sorted(slices.Values(byWord))), word)
		}
		c := w.conversation(fresh)
		require.Contains(t, c.IndexError, fmt.Sprintf("the conversation has %d tokens and LETHE_MAX_TOKENS is %d", c.Tokens, limit))
		for _, chunk := range append(w.chunks(fresh), w.chunks(before)...) {
			require.NotNil(t, chunk.Vector, "every indexed passage has a vector")
		}
		w.start(indexer.Options{Settings: "without a limit"})
		for range 2 {
			require.Equal(t, "ready", wait(t, w.journal.settled).outcome)
		}
		byWord, _ := w.found("stork")
		require.Equal(t, []chat.ConversationID{before}, byWord)
	})
}

// A model may be unable to read some texts; the rest of their conversation is embedded.
func TestPassagesWithoutAVector(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		w.embedder.do = func(_ context.Context, _ int, texts []string) ([][]float32, error) {
			vectors := make([][]float32, len(texts))
			for i, text := range texts {
				if !strings.Contains(text, "unreadable") {
					vectors[i] = []float32{1, 0}
				}
			}
			return vectors, nil
		}
		id := w.add("x", long("a"), long("unreadable"), long("c"))
		w.start(indexer.Options{})
		w.expect(id, 1, "ready")
		readable := 0
		for _, c := range w.chunks(id) {
			require.Equal(t, strings.Contains(c.Text, "unreadable"), c.Vector == nil)
			if c.Vector != nil {
				readable++
			}
		}
		byWord, byVector := w.found("unreadableword")
		require.Contains(t, byWord, id, "its words find it")
		require.Len(t, byVector, readable)
		require.Positive(t, readable)
	})
}

func TestASoftStopFinishesWhatIsUnderWay(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		work := newPause()
		w.embedder.do = work.embed
		first := w.add("first", "text")
		x := w.start(indexer.Options{Grace: hour})
		wait(t, work.begun)
		second := w.add("second", "text")
		x.soft()
		x.Wake()
		close(work.finish)
		w.expect(first, 1, "ready")
		wait(t, x.done)
		require.Equal(t, chat.Ready, w.conversation(first).IndexState)
		require.Equal(t, chat.Queued, w.conversation(second).IndexState, "no new conversation was begun")
		require.Empty(t, w.journal.warnings())
	})
}

// A soft stop never leaves a conversation claimed by an indexer that has ended, not even in
// the middle of a claim.
func TestASoftStopLeavesNothingHeld(t *testing.T) {
	const rounds = 40
	each(t, func(t *testing.T, w *works) {
		s, claiming := w.tracing("index_state = 'indexing'")
		for round := range rounds {
			w.add(fmt.Sprint(round), "text")
			x := w.start(indexer.Options{Store: s})
			wait(t, claiming)
			time.AfterFunc(time.Duration(round)*50*time.Microsecond, x.soft)
			wait(t, x.done)
			for len(claiming) > 0 {
				<-claiming
			}
			require.Zero(t, w.db.Indexing(t))
		}
	})
}

func TestAHardStopGivesBackWhatIsUnderWay(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		work := newPause()
		w.embedder.do = work.embed
		id := w.add("x", "text")
		x := w.start(indexer.Options{Grace: hour})
		wait(t, work.begun)
		x.soft()
		x.hard()
		w.expect(id, 1, "released")
		wait(t, x.done)
		c := w.conversation(id)
		require.Equal(t, []any{chat.Queued, ""}, []any{c.IndexState, c.IndexError})
		require.Empty(t, w.journal.warnings())

		w.embedder.do = nil
		w.start(indexer.Options{}) // it is due at once, and the attempt did not count
		w.expect(id, 1, "ready")
	})
}

// When a conversation is deleted or changed during the work, the worker ends the work
// without an error or a warning.
func TestALostClaimEndsQuietly(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		work := newPause()
		w.embedder.do = work.embed
		w.start(indexer.Options{})

		deleted := w.add("deleted", "text")
		wait(t, work.begun)
		w.remove(deleted)
		work.finish <- struct{}{}
		w.expect(deleted, 1, "lost")

		changed := w.add("changed", "one")
		wait(t, work.begun)
		require.Equal(t, changed, w.add("changed", "one", "two"))
		work.finish <- struct{}{}
		w.expect(changed, 1, "lost")
		wait(t, work.begun) // of the changed conversation
		work.finish <- struct{}{}
		w.expect(changed, 1, "ready")
		require.Contains(t, w.chunks(changed)[0].Text, "two")
		require.Empty(t, w.journal.warnings())
	})
}

// The vectors of a deleted conversation are not needed: the embedder is stopped at the next
// extension of the lease.
func TestALostClaimStopsTheEmbedder(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		work := newPause()
		w.embedder.do = work.embed
		id := w.add("x", "text")
		w.start(indexer.Options{Lease: 30 * time.Millisecond})
		wait(t, work.begun)
		w.remove(id)
		w.expect(id, 1, "lost")
		require.Empty(t, w.journal.warnings())
	})
}

// An embedding that takes longer than a lease keeps its conversation.
func TestTheLeaseIsExtendedWhileTheWorkGoesOn(t *testing.T) {
	const lease = 600 * time.Millisecond
	each(t, func(t *testing.T, w *works) {
		s, extended := w.tracing("SET \"run_after\"=", "SET `run_after`=")
		work := newPause()
		w.embedder.do = work.embed
		id := w.add("x", "text")
		w.start(indexer.Options{Store: s, Lease: lease})
		wait(t, work.begun)
		for range 6 { // longer than two leases
			wait(t, extended)
			require.Empty(t, w.due(), "another worker took it")
		}
		close(work.finish)
		w.expect(id, 1, "ready")
	})
}

// When a conversation grows, only the new passages are embedded.
func TestOnlyNewPassagesAreEmbedded(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		w.start(indexer.Options{})
		var texts, known []string
		grow := func(text string) (asked []string) {
			texts = append(texts, text)
			id := w.add("x", texts...)
			w.expect(id, 1, "ready")
			asked = w.embedder.asked()
			var fresh []string
			var all []string
			for _, c := range w.chunks(id) {
				all = append(all, c.Text)
				require.NotNil(t, c.Vector)
				if !contains(known, c.Text) {
					fresh = append(fresh, chunker.Said(c.Content))
				}
			}
			require.Equal(t, fresh, asked, "exactly the new texts")
			known = all
			return asked
		}
		for i := range 6 {
			require.NotEmpty(t, grow(long(fmt.Sprint("m", i))))
		}
		require.Len(t, known, 6)
		require.Len(t, grow("and a short one"), 1)

		title := "Another title" // stands in the first passage alone
		id := w.add("x", texts...)
		_, err := w.history.AsOperator(w.ws).Edit(t.Context(), id, chat.Edit{Title: &title})
		require.NoError(t, err)
		w.expect(id, 1, "ready")
		require.Len(t, w.embedder.asked(), 1)

		texts[3] = long("edited")
		require.Equal(t, id, w.add("x", texts...))
		w.expect(id, 1, "ready")
		require.LessOrEqual(t, len(w.embedder.asked()), 3, "the edited message, an answer that may repeat it as its question, and the passage with the title")
		w.add("x", texts...)
		require.Empty(t, w.due(), "an unchanged re-send makes no work")
	})
}

// A passage that the model cannot read is stored without a vector, found by its words, and
// not sent to the model again.
func TestUnreadablePassages(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		w.embedder.do = func(_ context.Context, _ int, texts []string) ([][]float32, error) {
			vectors := make([][]float32, len(texts))
			for i, text := range texts {
				if !strings.Contains(text, "foreign") {
					vectors[i] = []float32{0, 1}
				}
			}
			return vectors, nil
		}
		w.start(indexer.Options{})
		unreadable := func() int {
			stats, err := w.history.AsOperator(w.ws).Stats(t.Context())
			require.NoError(t, err)
			require.Equal(t, stats.Chunks, stats.Embeddings+stats.Unreadable)
			return stats.Unreadable
		}
		id := w.add("x", long("foreign"))
		w.expect(id, 1, "ready")
		chunks := w.chunks(id)
		require.Len(t, chunks, 1)
		require.Nil(t, chunks[0].Vector)
		require.Equal(t, model.ID, chunks[0].Model)
		require.Equal(t, 1, unreadable())
		byWord, _ := w.found("foreignword7")
		require.Equal(t, []chat.ConversationID{id}, byWord)
		require.Len(t, w.embedder.asked(), 1)

		w.add("x", long("foreign"), long("known"))
		w.expect(id, 1, "ready")
		require.Len(t, w.embedder.asked(), 1, "the new passage alone")
		require.Equal(t, 1, unreadable())

		title := "Another title" // stands in the first passage, which is rebuilt
		_, err := w.history.AsOperator(w.ws).Edit(t.Context(), id, chat.Edit{Title: &title})
		require.NoError(t, err)
		w.expect(id, 1, "ready")
		require.Len(t, w.embedder.asked(), 1)
		require.Equal(t, 1, unreadable())

		w.remove(id)
		require.Zero(t, unreadable())
	})
}

func contains(list []string, s string) bool {
	for _, item := range list {
		if item == s {
			return true
		}
	}
	return false
}

// Several programs on one database share the work. No conversation is indexed twice.
func TestIndexersShareTheWork(t *testing.T) {
	const programs, workers, conversations = 2, 2, 24
	each(t, func(t *testing.T, w *works) {
		work := newPause()
		w.embedder.do = work.embed
		waiting := map[chat.ConversationID]bool{}
		for i := range conversations {
			waiting[w.add(fmt.Sprint(i), "text")] = true
		}
		for i := range programs {
			s := w.store
			if i > 0 {
				s = w.db.Open(t)
			}
			w.start(indexer.Options{Store: s, Workers: workers})
		}
		for range programs * workers { // all of them have a claim at the same time
			wait(t, work.begun)
		}
		w.embedder.script(nil)
		close(work.finish)
		for range conversations {
			end := wait(t, w.journal.settled)
			require.Equal(t, settled{end.conversation, 1, "ready"}, end)
			require.True(t, waiting[end.conversation], "the conversation was indexed twice")
			delete(waiting, end.conversation)
		}
		require.Empty(t, w.due())
		require.Empty(t, w.journal.warnings())
	})
}

// One call wakes one idle worker, and each worker wakes the next while there is work.
func TestWake(t *testing.T) {
	const workers = 3
	each(t, func(t *testing.T, w *works) {
		s, looked := w.tracing("ORDER BY run_after LIMIT")
		work := newPause()
		w.embedder.do = work.embed
		x := w.start(indexer.Options{Store: s, Workers: workers, Poll: time.Hour})
		for range workers { // each asks when the next work is due before it sleeps
			wait(t, looked)
		}
		for i := range workers {
			w.add(fmt.Sprint(i), "text")
		}
		x.Wake()
		for range workers {
			wait(t, work.begun)
		}
		close(work.finish)
		for range workers {
			require.Equal(t, "ready", wait(t, w.journal.settled).outcome)
		}
		for range 1000 {
			x.Wake() // never blocks
		}
		x.stop()
	})
}

// Work that another program left without a signal is found by polling.
func TestPolling(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		w.start(indexer.Options{Poll: 5 * time.Millisecond})
		id := w.add("x", "text")
		w.expect(id, 1, "ready")
	})
}

func TestOutcomesAreCounted(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		registry := prometheus.NewRegistry()
		w.embedder.do = func(_ context.Context, call int, _ []string) ([][]float32, error) {
			if call == 1 {
				return nil, errAway
			}
			return nil, nil
		}
		id := w.add("x", "text")
		x := w.start(indexer.Options{Metrics: registry})
		w.expect(id, 1, "retried")
		w.expect(id, 2, "ready")
		x.stop()
		families, err := registry.Gather()
		require.NoError(t, err)
		counted := map[string]float64{}
		for _, family := range families {
			for _, metric := range family.GetMetric() {
				name := family.GetName()
				for _, label := range metric.GetLabel() {
					name += " " + label.GetName() + "=" + label.GetValue()
				}
				counted[name] = metric.GetCounter().GetValue() + float64(metric.GetHistogram().GetSampleCount())
			}
		}
		require.Equal(t, map[string]float64{
			"lethe_indexer_conversations_total outcome=ready": 1, "lethe_indexer_conversations_total outcome=retried": 1, "lethe_indexer_seconds": 2,
			"lethe_embedding_pending_conversations": 0, "lethe_embedding_failed_conversations": 0, "lethe_indexer_embedder_lost": 0,
		}, counted)
	})
}

// A conversation whose indexing crashes the program is not claimed for ever.
func TestWhatEndsTheProgramIsGivenUp(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		id := w.add("x", "the pelican")
		for range 3 { // claims of programs that ended without releasing them
			require.NoError(t, w.store.InTx(t.Context(), func(tx *store.Tx) error {
				claims, err := tx.Claim(-time.Second, 1, true)
				require.Len(t, claims, 1)
				return err
			}))
		}
		asked := false
		w.embedder.do = func(context.Context, int, []string) ([][]float32, error) { asked = true; return nil, errAway }
		w.start(indexer.Options{MaxAttempts: 3})
		w.expect(id, 4, "failed")
		require.False(t, asked)
		got := w.conversation(id)
		require.Equal(t, chat.Failed, got.IndexState)
		require.Contains(t, got.IndexError, "the service ended 3 times while it indexed this conversation")
	})
}
