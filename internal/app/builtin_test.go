package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
)

// TestTheBuiltinModel runs the default service: it finds passages by meaning without a
// common word, and texts that the model cannot read by their words.
func TestTheBuiltinModel(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db, apptest.WithEnv("LETHE_EMBEDDER="))
		vet := s.Upload(t, "vet", "My dog is sick. Which doctor should we see?", "An animal hospital is open all night on Main Street.")
		s.Upload(t, "train", "When does the train to the city leave?", "At nine, from the second platform.")
		s.Upload(t, "bread", "How long does the dough have to rest?", "Overnight, in a cool place, and then an hour in the form.")
		ferry := s.Upload(t, "ferry", "船は何時に出ますか", "九時に出ます。切符は前の日に買ってください。")
		s.Idle(t)

		search := func(query string, mode api.SearchMode) api.SearchAnswer {
			answer, err := s.Client.Search(t.Context(), api.SearchRequest{Query: query, Mode: &mode})
			require.NoError(t, err)
			return answer
		}
		require.Equal(t, vet, search("ill puppy", api.SearchModeSemantic).Results[0].ConversationID)
		require.Equal(t, vet, search("ill puppy", api.SearchModeHybrid).Results[0].ConversationID)

		byWords := search("切符", api.SearchModeHybrid)
		require.Equal(t, ferry, byWords.Results[0].ConversationID)
		require.Equal(t, api.SearchModeKeyword, byWords.Mode, "the answer says that words alone were compared")

		stats, err := s.Client.Stats(t.Context())
		require.NoError(t, err)
		require.Equal(t, stats.Chunks, stats.Embeddings+stats.Unreadable)
		require.Equal(t, 1, stats.Unreadable)
		require.Empty(t, db.Damage(t))
	})
}
