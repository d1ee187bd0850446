package search_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/embed/builtin"
	"github.com/lethe-chat/lethe/internal/history/historytest"
	"github.com/lethe-chat/lethe/internal/recall"
	"github.com/lethe-chat/lethe/internal/search"
)

// In a history of few chats, a search without a word in common finds what is meant, and nothing for what is in none of
// them. A digest for a prompt stays as strict as it was.
func TestAFewChatsAreFoundByMeaning(t *testing.T) {
	historytest.Each(t, func(t *testing.T, f *historytest.Fixture) {
		f.Embedder.Embedder = builtin.New()
		dough := f.Ingest(historytest.Upload("dough", "My dough does not rise, what went wrong?",
			"Perhaps the yeast was old or the water was too hot. Let it rest for two hours in a warm place before you bake it.")).Conversation.ID
		bike := f.Ingest(historytest.Upload("bike", "The chain of my bicycle keeps slipping.", "Measure the chain; if it is worn, replace it with the cassette.")).Conversation.ID
		f.Ingest(historytest.Upload("beach", "Which town by the sea in Portugal is good in June?", "Try Lagos or Tavira, the water is warm there."))
		vet := f.Ingest(historytest.Upload("vet", "Our puppy has been vomiting since yesterday.", "Give it only water for some hours, and call the vet if it gets weak.")).Conversation.ID
		f.Ingest(historytest.Upload("panic", "My Go service panics with a nil pointer dereference.", "The client was never initialised. Check the error first."))
		f.Index()
		for query, want := range map[string]any{"bread recipe": dough, "fixing my bike": bike, "sick dog": vet} {
			found := f.Search(search.Query{Text: query})
			require.NotEmpty(t, found.Hits, query)
			require.Equal(t, want, found.Hits[0].ConversationID, query)
		}
		require.Empty(t, f.Search(search.Query{Text: "xyzzy plugh"}).Hits)
		require.Empty(t, f.Recall(recall.Query{Text: "xyzzy plugh"}).Sources)
	})
}
