package indexer_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/indexer"
)

// A soft stop does not wait for an embedder that hangs. The conversation can be found by
// words, is queued, and has lost no attempt. The indexer is never told to stop hard here.
func TestAStopCutsOffAnEmbedderThatHangs(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		work := newPause()
		w.embedder.do = work.embed
		id := w.add("x", "the pelican")
		x := w.start(indexer.Options{Grace: time.Nanosecond})
		wait(t, work.begun)
		x.stop()
		w.expect(id, 1, "released")
		c := w.conversation(id)
		require.Equal(t, []any{chat.Queued, ""}, []any{c.IndexState, c.IndexError})
		byWord, byVector := w.found("pelican")
		require.Equal(t, []chat.ConversationID{id}, byWord)
		require.Empty(t, byVector)
		require.Empty(t, w.journal.warnings())

		w.embedder.script(nil)
		w.start(indexer.Options{})
		w.expect(id, 1, "ready")
	})
}

// The same while a conversation is re-indexed: it keeps its old index.
func TestAStopCutsOffARenewalThatHangs(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		id := w.add("x", "the pelican")
		x := w.start(indexer.Options{})
		w.expect(id, 1, "ready")
		x.stop()
		work := newPause()
		w.embedder.as = embed.Model{ID: "another", Dimensions: 2}
		w.embedder.script(work.embed)
		x = w.start(indexer.Options{Grace: time.Nanosecond})
		wait(t, work.begun)
		x.stop()
		w.expect(id, 1, "released")
		require.Equal(t, chat.Ready, w.conversation(id).IndexState)
		_, byVector := w.found("pelican")
		require.Equal(t, []chat.ConversationID{id}, byVector, "of the old model")
		require.Empty(t, w.due())

		w.embedder.script(nil)
		w.start(indexer.Options{})
		w.expect(id, 1, "renewed")
	})
}

// An embedder that first fails and then hangs at the trial is cut off too.
func TestAStopCutsOffATrialThatHangs(t *testing.T) {
	each(t, func(t *testing.T, w *works) {
		w.embedder.do = func(context.Context, int, []string) ([][]float32, error) { return nil, errAway }
		trial := newPause()
		id := w.add("x", "the pelican")
		x := w.start(indexer.Options{Embedder: hangsAtTrials{w.embedder, trial}, Grace: time.Nanosecond})
		wait(t, trial.begun)
		x.stop()
		w.expect(id, 1, "released")
		require.Equal(t, 1, w.due()[0].Attempt)
		require.Empty(t, w.journal.warnings(), "nobody knows whether the embedder was lost")
	})
}

// hangsAtTrials is an embedder that hangs when it is asked for the harmless text.
type hangsAtTrials struct {
	*scripted
	trial pause
}

func (e hangsAtTrials) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if len(texts) == 1 && texts[0] == trialText {
		return e.trial.embed(ctx, 0, nil)
	}
	return e.scripted.Embed(ctx, texts)
}
