package history_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/llm"
	"github.com/lethe-chat/lethe/internal/recall"
)

// interrupted is a language model during whose work something happens.
type interrupted struct {
	happens func()
	asked   int
}

func (*interrupted) Model() string { return "model" }

func (w *interrupted) Write(context.Context, llm.Task) (string, error) {
	w.asked++
	w.happens()
	return "It was about zanzibar.", nil
}

// A summary says nothing of a conversation that was deleted or changed while the model wrote it.
func TestASummaryOfWhatIsDeletedMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		w := &interrupted{}
		d = d.with(func(o *history.Options) { o.Writer = w })
		a := d.as("k", auth.Read, auth.Write)
		long := strings.Repeat("pear plum apple zanzibar ", 1500)
		id := d.Ingest(say("1", long, "the first answer")).Conversation.ID

		w.happens = func() {}
		summary, err := a.Summary(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, "model", summary.Model)
		require.Contains(t, summary.Content, "It was about zanzibar")

		w.happens = func() { d.Ingest(say("1", long, "the first answer", "the second question, of kiwis")) }
		summary, err = a.Summary(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, recall.ExtractiveModel, summary.Model, "the text of the model is discarded")
		require.Contains(t, summary.Content, "kiwis")
		require.NotContains(t, summary.Content, "It was about")
		require.Equal(t, 2, w.asked, "the model is asked once for each summary")

		w.happens = func() {
			_, err := a.DeleteConversations(t.Context(), []chat.ConversationID{id}, chat.DeleteOptions{})
			require.NoError(t, err)
		}
		summary, err = a.Summary(t.Context(), id)
		require.True(t, fault.Is(err, fault.NotFound), "%v", err)
		require.Empty(t, summary.Content)
	})
}
