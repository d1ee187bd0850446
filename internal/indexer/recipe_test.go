package indexer_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/chunker"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/indexer"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/text"
)

// next is the model to which a test changes.
var next = embed.Model{ID: "next", Dimensions: 2}

func nextEmbedder() *scripted { return &scripted{as: next} }

// indexed adds n conversations of a few passages each and waits until they are indexed with
// the first model.
func (w *works) indexed(n int) (ids []chat.ConversationID) {
	w.t.Helper()
	x := w.start(indexer.Options{})
	for i := range n {
		name := fmt.Sprint("c", i)
		id := w.add(name, "the pelican "+long(name), long(name+"x"))
		w.expect(id, 1, "ready")
		ids = append(ids, id)
	}
	x.stop()
	w.embedder.asked()
	return ids
}

// left returns the progress of the change from the workspace's statistics.
func (w *works) left() (e chat.Embedding) {
	w.t.Helper()
	require.NoError(w.t, w.store.Snapshot(w.t.Context(), func(v *store.View) error {
		s, err := v.Stats(w.ws)
		require.Zero(w.t, s.Backlog, "re-indexing does not count as backlog")
		e = s.Embedding
		return err
	}))
	return e
}

// complete waits until the log says that the change is complete.
func (w *works) complete(model string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool { return w.told("no vectors of other models remain", "model="+model) > 0 }, patience, time.Millisecond)
	require.Equal(w.t, chat.Embedding{Model: model}, w.left())
	require.Zero(w.t, w.db.Count(w.t, "SELECT count(*) FROM embeddings WHERE model <> '"+model+"'"), "vectors of another model")
	require.Zero(w.t, w.db.Count(w.t, "SELECT count(*) FROM chunks WHERE unreadable_by NOT IN ('', '"+model+"')"))
}

// told counts the log lines that contain all the parts.
func (w *works) told(parts ...string) (n int) {
	for _, line := range w.journal.warnings() {
		has := true
		for _, part := range parts {
			has = has && strings.Contains(line, part)
		}
		if has {
			n++
		}
	}
	return n
}

// passages returns the total number of passages of the conversations.
func (w *works) passages(ids ...chat.ConversationID) (n int) {
	for _, id := range ids {
		n += len(w.chunks(id))
	}
	return n
}

// A change of the model that was stopped in the middle continues there. During the change,
// words find everything and vectors find the part that is done.
func TestAChangeOfModelGoesOnWhereItWas(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		ids := w.indexed(5)
		all := w.passages(ids...)
		before := w.chunks(ids[0])
		work, b := newPause(), nextEmbedder()
		b.do = work.embed
		for round, done := range []int{2, 3} {
			x := w.start(indexer.Options{Embedder: b})
			for i := range done {
				wait(t, work.begun)
				byWord, byOld := w.found("pelican")
				require.ElementsMatch(t, ids, byWord)
				renewed := 2*round + i
				require.Equal(t, chat.Embedding{Model: next.ID, Pending: 5 - renewed, Unused: w.passages(ids[renewed:]...)}, w.left())
				require.Subset(t, ids[renewed:], byOld)
				require.Len(t, byOld, w.passages(ids[renewed:]...))
				require.Len(t, w.foundBy(next), all-w.passages(ids[renewed:]...))
				for _, id := range ids {
					require.Equal(t, chat.Ready, w.conversation(id).IndexState)
				}
				if i == done-1 {
					x.soft()
				}
				work.finish <- struct{}{}
				w.expect(ids[renewed], 1, "renewed")
			}
			if round == 0 {
				wait(t, x.done)
				require.Empty(t, w.journal.warnings()[1:], "it has begun and is not complete")
				continue
			}
			x = w.start(indexer.Options{Embedder: b})
			w.complete(next.ID)
			x.stop()
		}
		require.Len(t, b.asked(), all, "each passage once")
		require.Empty(t, w.embedder.asked())
		after := w.chunks(ids[0])
		for i := range before {
			require.Equal(t, next.ID, after[i].Model)
			after[i].Model = before[i].Model
		}
		require.Equal(t, before, after, "only vectors were rebuilt")
		x := w.start(indexer.Options{Embedder: b})
		x.stop()
		require.Equal(t, 1, w.told("INFO", "re-indexing conversations in the background", "conversations=5", "model=next", "before=scripted"), "%v", w.journal.warnings())
		require.Equal(t, 1, w.told("INFO", "no vectors of other models remain", "conversations=5"))
		require.Len(t, w.journal.warnings(), 2)
	})
}

func TestNewUploadsGoFirst(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		ids := w.indexed(3)
		work, b := newPause(), nextEmbedder()
		b.do = work.embed
		w.start(indexer.Options{Embedder: b})
		wait(t, work.begun)
		fresh := w.add("fresh", "the heron")
		require.Eventually(t, func() bool {
			byWord, _ := w.found("heron")
			return len(byWord) == 1 && w.conversation(fresh).IndexState == chat.Queued
		}, patience, tick)
		close(work.finish)
		go func() {
			for range work.begun { // the others need not be stopped
			}
		}()
		w.expect(ids[0], 1, "renewed")
		w.expect(fresh, 1, "ready")
		w.expect(ids[1], 1, "renewed")
		w.expect(ids[2], 1, "renewed")
		w.complete(next.ID)
	})
}

// Deletes and changes of a conversation take precedence over its re-indexing.
func TestAConversationBeingReindexedCanBeDeletedAndChanged(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		ids := w.indexed(2)
		work, b := newPause(), nextEmbedder()
		b.do = work.embed
		w.start(indexer.Options{Embedder: b})
		wait(t, work.begun)
		w.remove(ids[0])
		work.finish <- struct{}{}
		w.expect(ids[0], 1, "lost")
		rows := w.db.RowsOf(t, string(ids[0]))
		for table, n := range rows {
			require.Zero(t, n, table)
		}

		wait(t, work.begun)
		w.add("c1", "the pelican", "is another bird")
		require.Contains(t, []chat.IndexState{chat.Queued, chat.Indexing}, w.conversation(ids[1]).IndexState) // a free worker may be at its words
		work.finish <- struct{}{}
		w.expect(ids[1], 1, "lost")
		wait(t, work.begun)
		work.finish <- struct{}{}
		w.expect(ids[1], 1, "ready")
		w.complete(next.ID)
		byWord, byOld := w.found("another")
		require.Equal(t, ids[1:], byWord)
		require.Empty(t, byOld)
	})
}

// If two programs have different models, the one that started last decides. The other one
// re-indexes nothing, and its vectors for new uploads are replaced.
func TestProgramsWithTwoModelsDoNotFight(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		ids := w.indexed(3)
		a, b := w.embedder, nextEmbedder()
		first := w.start(indexer.Options{Embedder: a})
		second := w.start(indexer.Options{Embedder: b})
		for _, id := range ids {
			w.expect(id, 1, "renewed")
		}
		w.complete(next.ID)
		second.stop()
		late := w.add("late", "the pelican")
		w.expect(late, 1, "ready")
		require.Equal(t, chat.Embedding{Model: next.ID, Pending: 1, Unused: 1}, w.left())
		require.Len(t, a.asked(), 1, "the older program embedded only the new upload")

		w.start(indexer.Options{Embedder: b})
		w.expect(late, 1, "renewed")
		require.Equal(t, chat.Embedding{Model: next.ID}, w.left())
		var more []chat.ConversationID
		for i := range 20 { // either of them may claim it
			more = append(more, w.add(fmt.Sprint("more", i), "the pelican"))
		}
		first.Wake()
		ready, renewed := map[chat.ConversationID]int{}, map[chat.ConversationID]int{}
		for len(ready) < len(more) || w.left().Pending > 0 {
			select {
			case s := <-w.journal.settled:
				map[string]map[chat.ConversationID]int{"ready": ready, "renewed": renewed}[s.outcome][s.conversation]++
			case <-time.After(time.Millisecond):
			}
		}
		for _, id := range more {
			require.LessOrEqual(t, renewed[id], 1)
		}
		require.Len(t, w.foundBy(next), w.passages(append(append(ids, late), more...)...))
	})
}

// Programs with the same model share a change like all other work.
func TestProgramsShareAChange(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		ids := w.indexed(12)
		b := nextEmbedder()
		work := newPause()
		b.do = work.embed
		w.start(indexer.Options{Embedder: b, Store: w.db.Open(t)})
		w.start(indexer.Options{Embedder: b, Workers: 2})
		for range 3 { // each worker has a claim before any continues
			wait(t, work.begun)
		}
		b.script(nil)
		close(work.finish)
		renewed := map[chat.ConversationID]int{}
		for range ids {
			s := wait(t, w.journal.settled)
			require.Equal(t, "renewed", s.outcome)
			renewed[s.conversation]++
		}
		require.Len(t, renewed, len(ids))
		w.complete(next.ID)
		require.Len(t, b.asked(), w.passages(ids...), "each passage once")
		require.Equal(t, 1, w.told("no vectors of other models remain"))
		require.Equal(t, 1, w.told("re-indexing conversations in the background"))
	})
}

// After a change back to the old model, conversations that were not reached keep their
// vectors.
func TestChangingBack(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		ids := w.indexed(4)
		work, b := newPause(), nextEmbedder()
		b.do = work.embed
		x := w.start(indexer.Options{Embedder: b})
		wait(t, work.begun)
		work.finish <- struct{}{}
		w.expect(ids[0], 1, "renewed")
		wait(t, work.begun)
		x.hard()
		x.soft()
		wait(t, x.done)
		w.expect(ids[1], 1, "released")
		require.Equal(t, 3, w.left().Pending)

		w.start(indexer.Options{})
		w.expect(ids[0], 1, "renewed")
		w.complete(model.ID)
		require.Len(t, w.embedder.asked(), w.passages(ids[0]), "only the conversations that the other model had reached")
	})
}

// If an embedding fails, the conversation keeps its old vectors and is given up until a
// setting changes. An embedder that does not answer costs no attempt.
func TestAFailureLeavesTheOldVectors(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		ids := w.indexed(2)
		b := nextEmbedder()
		b.goes(errAway)
		x := w.start(indexer.Options{Embedder: b, MaxAttempts: 3})
		w.expect(ids[0], 1, "postponed")
		try := wait(t, w.trials.planned)
		require.Equal(t, chat.Embedding{Model: next.ID, Pending: 2, Unused: w.passages(ids...)}, w.left())
		require.Equal(t, 1, w.told("WARN", "the embedder does not answer", fault.Message(errAway)))

		b.goes(nil)
		b.do = func(context.Context, int, []string) ([][]float32, error) { return nil, errAway }
		try()
		outcomes := map[chat.ConversationID][]string{}
		for range 2 * 3 {
			s := wait(t, w.journal.settled)
			outcomes[s.conversation] = append(outcomes[s.conversation], s.outcome)
			require.Equal(t, chat.Ready, w.conversation(s.conversation).IndexState)
		}
		for _, id := range ids {
			require.Equal(t, []string{"retried", "retried", "given_up"}, outcomes[id])
			require.Empty(t, w.conversation(id).IndexError)
		}
		x.stop()
		require.Equal(t, chat.Embedding{Model: next.ID, Failed: 2, Unused: w.passages(ids...)}, w.left())
		byWord, byOld := w.found("pelican")
		require.ElementsMatch(t, ids, byWord)
		require.Len(t, byOld, w.passages(ids...))
		require.Equal(t, 2, w.told("WARN", "outcome=given_up", fault.Message(errAway)))

		b.script(nil)
		x = w.start(indexer.Options{Embedder: b})
		x.stop()
		require.Equal(t, 2, w.left().Failed, "a restart changes nothing")
		w.start(indexer.Options{Embedder: b, Settings: "another"})
		for range ids {
			s := wait(t, w.journal.settled)
			require.Equal(t, settled{s.conversation, 1, "renewed"}, s)
		}
		w.complete(next.ID)
	})
}

// A conversation that crashes the program is not retried for ever.
func TestReindexingThatEndsTheProgramIsGivenUp(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		ids := w.indexed(1)
		b := nextEmbedder()
		require.NoError(t, indexer.New(indexer.Options{Store: w.store, Embedder: b}).Adopt(t.Context()))
		for range 3 { // claims of programs that were killed
			require.NoError(t, w.store.InTx(t.Context(), func(tx *store.Tx) error {
				claims, err := tx.ClaimBehind(store.Recipe{Model: next.ID, Passages: indexer.PassagesVersion}, -time.Second)
				require.Len(t, claims, 1)
				return err
			}))
		}
		w.start(indexer.Options{Embedder: b, MaxAttempts: 3})
		w.expect(ids[0], 4, "given_up")
		require.Empty(t, b.asked())
		require.Equal(t, 1, w.left().Failed)
	})
}

// A text that one model cannot read may be readable for another, and the reverse.
func TestUnreadablePassagesOfTwoModels(t *testing.T) {
	without := func(word string) func(context.Context, int, []string) ([][]float32, error) {
		return func(_ context.Context, _ int, texts []string) ([][]float32, error) {
			vectors := make([][]float32, len(texts))
			for i, text := range texts {
				if !strings.Contains(text, word) {
					vectors[i] = []float32{1, 0}
				}
			}
			return vectors, nil
		}
	}
	each(t, func(t *testing.T, w *works) {
		w.embedder.do = without("greek")
		x := w.start(indexer.Options{})
		mixed := w.add("mixed", long("greek"), long("roman"))
		w.expect(mixed, 1, "ready")
		roman := w.add("roman", "all of it roman")
		w.expect(roman, 1, "ready")
		x.stop()
		b := nextEmbedder()
		b.do = without("roman")
		w.start(indexer.Options{Embedder: b})
		w.complete(next.ID)
		for _, id := range []chat.ConversationID{mixed, roman} {
			for _, c := range w.chunks(id) {
				require.Equal(t, next.ID, c.Model)
				require.Equal(t, strings.Contains(c.Text, "roman"), c.Vector == nil)
			}
		}
	})
}

// A program that could not reach the database at its start makes its model current later.
func TestAModelIsMadeCurrentByRunToo(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		w.indexed(1)
		x := indexer.New(indexer.Options{Store: w.store, Embedder: nextEmbedder(), Logger: slog.New(w.journal), Poll: time.Millisecond})
		soft, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); x.Run(soft, t.Context()) }()
		w.complete(next.ID)
		stop()
		wait(t, done)
	})
}

// Without an embedder, the existing vectors are kept until there is one again.
func TestAnEmbedderIsTakenAwayAndGivenBack(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		ids := w.indexed(2)
		x := w.start(indexer.Options{Embedder: embed.NewNone()})
		meanwhile := w.add("meanwhile", "text")
		w.expect(meanwhile, 1, "ready")
		x.stop()
		require.Equal(t, chat.Embedding{Model: embed.NoneModel, Unused: w.passages(ids...)}, w.left())
		w.start(indexer.Options{})
		w.expect(meanwhile, 1, "renewed")
		w.complete(model.ID)
		require.Len(t, w.embedder.asked(), 1)
		require.Len(t, w.foundBy(model), w.passages(ids...)+1)
	})
}

// late is an embedder that knows its dimensions only after its first answer, like one behind
// an API.
type late struct {
	*scripted
	known atomic.Bool
}

func (e *late) Model() embed.Model {
	if e.known.Load() {
		return embed.Model{ID: next.ID, Dimensions: 2}
	}
	return embed.Model{ID: next.ID}
}

func (e *late) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	vectors, err := e.scripted.Embed(ctx, texts)
	e.known.Store(err == nil)
	return vectors, err
}

func TestAModelThatLearnsItsDimensionsLate(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		ids := w.indexed(2)
		for range 3 { // each start begins without
			b := &late{scripted: nextEmbedder()}
			x := w.start(indexer.Options{Embedder: b})
			w.complete(next.ID)
			x.stop()
			w.embedder.texts = append(w.embedder.texts, b.asked()...)
		}
		require.Len(t, w.embedder.asked(), w.passages(ids...), "nothing twice")
		require.Len(t, w.foundBy(next), w.passages(ids...))

		before := w.passages(ids[0])
		b := &late{scripted: nextEmbedder()}
		w.start(indexer.Options{Embedder: b})
		for len(w.journal.settled) > 0 {
			<-w.journal.settled
		}
		w.add("c0", "the pelican "+long("c0"), long("c0x"), long("c0y"))
		w.expect(ids[0], 1, "ready")
		require.Less(t, len(b.asked()), before, "known vectors are kept")
	})
}

// Chunks and terms of another version are rebuilt. A chunk whose text is the same is not
// embedded again.
func TestAnotherVersionOfPassages(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		id := w.add("x", "the pelican")
		turns, err := w.store.View(t.Context()).Transcript(w.ws, id)
		require.NoError(t, err)
		now := chunker.Split(turns.Title, turns.Turns)
		require.Len(t, now, 1)
		for _, claim := range w.due() {
			x := store.Indexed{Model: model, Passages: indexer.PassagesVersion - 1, Chunks: []store.IndexedChunk{
				{Position: 0, Last: now[0].Last, Text: now[0].Text, Terms: []string{"oldterm"}, Vector: []float32{0, 1}},
				{Position: 1, Last: now[0].Last, Text: "cut otherwise", Terms: []string{"oldterm"}, Vector: []float32{0, 1}},
			}}
			require.NoError(t, w.store.InTx(t.Context(), func(tx *store.Tx) error { return tx.FinishIndexing(claim, x) }))
		}
		byWord, _ := w.found("oldterm")
		require.Len(t, byWord, 2)
		w.start(indexer.Options{})
		w.complete(model.ID)
		byWord, _ = w.found("oldterm")
		require.Empty(t, byWord)
		byWord, byVector := w.found("pelican")
		require.Equal(t, [][]chat.ConversationID{{id}, {id}}, [][]chat.ConversationID{byWord, byVector})
		require.Equal(t, []float32{0, 1}, w.chunks(id)[0].Vector)
		require.Empty(t, w.embedder.asked())
	})
}

// If this test fails, package chunker or the analyzer in package text gives another result
// for the same text. Raise PassagesVersion, so that stored conversations are re-indexed, and
// write the new sum here.
func TestPassagesVersionIsRaisedWithWhatItStandsFor(t *testing.T) {
	var turns []chat.Message
	for i, text := range []string{
		"How do I read a file in Go? I tried os.ReadFile(path) and got an error: no such file or directory.",
		"```go\ndata, err := os.ReadFile(\"config.yaml\")\nif err != nil {\n\treturn fmt.Errorf(\"config: %w\", err)\n}\n```\nThe path is relative to where you started the program.",
		strings.Repeat("The children were running along the shores of the lakes, and nobody's boats had been tied well. ", 14),
		"Können wir morgen über die Häuser sprechen? Завтра поговорим о домах. 明日は家について話しましょう。 غدا نتحدث عن البيوت",
		"short", "", strings.Repeat("word ", 400), "a key: " + strings.Repeat("QUJDab9/", 40) + " as they say", "user_id=42, getUserByID, v1.2.3, https://example.com/a/b?c=d #tag @name C++", "\x1b[1mbold\x1b[0m 🎂",
	} {
		turns = append(turns, chat.Message{
			Position: i, Sender: []chat.Sender{chat.Human, chat.Assistant}[i%2], Text: text,
			CreatedAt: time.Date(2024, 2, 29, 12, i, 0, 0, time.UTC),
		})
	}
	sum := sha256.New()
	for _, c := range chunker.Split("About files and houses", turns) {
		fmt.Fprintf(sum, "%d %d %d %q %q\n", c.Position, c.First, c.Last, c.Text, text.Terms(c.Text))
	}
	require.Equal(t, []any{4, "182863f91e5b7a64"}, []any{indexer.PassagesVersion, hex.EncodeToString(sum.Sum(nil)[:8])})
}
