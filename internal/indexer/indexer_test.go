package indexer_test

import (
	"context"
	"errors"
	"fmt"
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

// unavailable is an embedder that may be there again later.
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
			require.Equal(t, want[i], chunker.Chunk{Text: chunk.Text, First: chunk.First, Last: chunk.Last, Position: chunk.Position})
			require.Equal(t, []any{model.ID, []float32{1, 0}}, []any{chunk.Model, chunk.Vector})
		}
		byWord, byVector := w.found("pelican")
		require.Equal(t, []string{id}, byWord)
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
		w.start(indexer.Options{Backoff: func(int) time.Duration { return time.Hour }})
		began := time.Now()
		w.expect(id, 1, "retried")
		due, ok, err := w.store.View(t.Context()).NextDue()
		require.NoError(t, err)
		require.True(t, ok)
		require.WithinRange(t, due, began.Add(time.Hour).Add(-time.Minute), time.Now().Add(time.Hour))
		other := w.add("y", "another") // which does not wait for the first
		w.expect(other, 1, "retried")
	})
}

// What cannot be embedded fails with a reason that a client can read, and is
// found by its words; a service that starts tries it once more.
func TestWhatFailsForGood(t *testing.T) {
	cases := map[string]struct {
		err      error
		attempts int
		reason   string
	}{
		"the embedder stays away": {errAway, 3, "the embeddings server cannot be reached (keyword search finds it all the same)"},
		"the embedder refuses":    {fault.Invalidf("the key is wrong"), 1, "the key is wrong (keyword search finds it all the same)"},
		"a surprise":              {errors.New("quoted " + secret[:4] + "…"), 3, "an internal error; the server's log says more (keyword search finds it all the same)"},
	}
	each(t, func(t *testing.T, w *works) {
		for name, c := range cases {
			id := w.add(name, "the pelican")
			w.embedder.do = func(context.Context, int, []string) ([][]float32, error) { return nil, c.err }
			x := w.start(indexer.Options{MaxAttempts: 3})
			for attempt := 1; attempt < c.attempts; attempt++ {
				w.expect(id, attempt, "retried")
			}
			w.expect(id, c.attempts, "failed")
			x.stop()
			got := w.conversation(id)
			require.Equal(t, []any{chat.Failed, c.reason, 1}, []any{got.IndexState, got.IndexError, got.Chunks}, name)
			byWord, byVector := w.found("pelican")
			require.Equal(t, []string{id}, byWord, name)
			require.Empty(t, byVector, name)
			require.Empty(t, w.due(), name)

			w.embedder.do = nil
			x = w.start(indexer.Options{})
			w.expect(id, 1, "ready")
			x.stop()
			_, byVector = w.found("pelican")
			require.Equal(t, []string{id}, byVector, name)
			w.remove(id)
		}
	})
}

// thousand is a text of exactly so many tokens.
func thousand(t *testing.T) string {
	t.Helper()
	said := strings.Repeat(" pelican", 1000-2) + " " + secret // as works.add would end it
	for text.Tokens(said) > 1000 {
		said = strings.TrimPrefix(said, " pelican")
	}
	for text.Tokens(said) < 1000 {
		said = " a" + said
	}
	require.Equal(t, 1000, text.Tokens(said))
	return strings.TrimSuffix(said, " "+secret)
}

func TestTheLargestConversation(t *testing.T) {
	large := thousand(t)
	each(t, func(t *testing.T, w *works) {
		w.embedder.do = func(_ context.Context, _ int, texts []string) ([][]float32, error) {
			return make([][]float32, len(texts)), nil
		}
		var texts []string
		for range chat.MaxIndexTokens / 1000 {
			texts = append(texts, large)
		}
		x := w.start(indexer.Options{})
		fits := w.add("fits", texts...)
		w.expect(fits, 1, "ready")
		c := w.conversation(fits)
		require.Equal(t, chat.MaxIndexTokens, c.Tokens)
		require.GreaterOrEqual(t, c.Chunks, 400)

		w.embedder.asked()
		over := w.add("over", append(texts, "a")...)
		w.expect(over, 1, "failed")
		c = w.conversation(over)
		size := chat.MaxIndexTokens + text.Tokens("a "+secret)
		require.Equal(t, []any{chat.Failed, size, 0}, []any{c.IndexState, c.Tokens, c.Chunks})
		require.Equal(t, fmt.Sprintf("the conversation has %d tokens; at most 100000 can be indexed", size), c.IndexError)
		require.Empty(t, w.embedder.asked(), "it is not embedded at all")
		x.stop()

		next := w.start(indexer.Options{}) // nothing a restart could mend
		next.stop()
		require.Equal(t, chat.Failed, w.conversation(over).IndexState)

		w.remove(over)
		w.start(indexer.Options{})
		small := w.add("over", "a")
		w.expect(small, 1, "ready")
	})
}

// Some texts a model cannot read; the rest of their conversation is embedded.
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
		x := w.start(indexer.Options{})
		wait(t, work.begun)
		second := w.add("second", "text")
		x.soft()
		x.Wake()
		close(work.finish)
		w.expect(first, 1, "ready")
		wait(t, x.done)
		require.Equal(t, chat.Ready, w.conversation(first).IndexState)
		require.Equal(t, chat.Queued, w.conversation(second).IndexState, "nothing new was begun")
		require.Empty(t, w.journal.warnings())
	})
}

// Whenever a soft stop comes, also in the middle of a claim, nothing is left held
// by an indexer that has gone.
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
		x := w.start(indexer.Options{})
		wait(t, work.begun)
		x.soft()
		x.hard()
		w.expect(id, 1, "released")
		wait(t, x.done)
		c := w.conversation(id)
		require.Equal(t, []any{chat.Queued, ""}, []any{c.IndexState, c.IndexError})
		require.Empty(t, w.journal.warnings())

		w.embedder.do = nil
		w.start(indexer.Options{}) // it is due at once, and the try did not count
		w.expect(id, 1, "ready")
	})
}

// A conversation that is deleted or changed under a worker's hands is let go
// without a word.
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
		wait(t, work.begun) // with what is new
		work.finish <- struct{}{}
		w.expect(changed, 1, "ready")
		require.Contains(t, w.chunks(changed)[0].Text, "two")
		require.Empty(t, w.journal.warnings())
	})
}

// Nobody needs the vectors of a conversation that is gone: the embedder is told
// as soon as the lease is to be extended.
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
		for range 6 { // two leases
			wait(t, extended)
			require.Empty(t, w.due(), "another worker took it")
		}
		close(work.finish)
		w.expect(id, 1, "ready")
	})
}

// Of a conversation that grows, only what is new goes to the embedder.
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
					fresh = append(fresh, chunker.Said(c.Text))
				}
			}
			require.Equal(t, fresh, asked, "what was said and not there before, and nothing else")
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
		require.LessOrEqual(t, len(w.embedder.asked()), 3, "the edited message, what may repeat it as its question, and the title that the upload brings back")
		w.add("x", texts...)
		require.Empty(t, w.due(), "sent again unchanged, nothing is due")
	})
}

// What the model cannot read is stored without a vector, found by its words, and
// not asked about again.
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
		require.Equal(t, []string{id}, byWord)
		require.Len(t, w.embedder.asked(), 1)

		w.add("x", long("foreign"), long("known"))
		w.expect(id, 1, "ready")
		require.Len(t, w.embedder.asked(), 1, "the new passage alone")
		require.Equal(t, 1, unreadable())

		title := "Another title" // stands in the first passage, which is made anew
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

// Several programs on one database share the work, and no conversation is done
// twice.
func TestIndexersShareTheWork(t *testing.T) {
	const programs, workers, conversations = 2, 2, 24
	each(t, func(t *testing.T, w *works) {
		work := newPause()
		w.embedder.do = work.embed
		waiting := map[string]bool{}
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
		for range programs * workers { // all of them have something in hand at once
			wait(t, work.begun)
		}
		w.embedder.script(nil)
		close(work.finish)
		for range conversations {
			end := wait(t, w.journal.settled)
			require.Equal(t, settled{end.conversation, 1, "ready"}, end)
			require.True(t, waiting[end.conversation], "nobody did it before")
			delete(waiting, end.conversation)
		}
		require.Empty(t, w.due())
		require.Empty(t, w.journal.warnings())
	})
}

// One call wakes one idle worker, and that one the next, as long as there is work.
func TestWake(t *testing.T) {
	const workers = 3
	each(t, func(t *testing.T, w *works) {
		s, looked := w.tracing("ORDER BY run_after LIMIT")
		work := newPause()
		w.embedder.do = work.embed
		x := w.start(indexer.Options{Store: s, Workers: workers, Poll: time.Hour})
		for range workers { // each looks when the next is due before it lies down
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

// Work that another program left, of which nobody tells, is found by looking.
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
			"lethe_embedding_pending_conversations": 0, "lethe_embedding_failed_conversations": 0,
		}, counted)
	})
}

// A conversation whose indexing takes the program down is not claimed for ever.
func TestWhatEndsTheProgramIsGivenUp(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		id := w.add("x", "the pelican")
		for range 3 { // claims of programs that ended without a word
			require.NoError(t, w.store.InTx(t.Context(), func(tx *store.Tx) error {
				claims, err := tx.Claim(-time.Second, 1)
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
		require.Contains(t, got.IndexError, "the service ended 3 times while this was being indexed")
	})
}
