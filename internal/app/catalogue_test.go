package app_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
)

// The words that the guard looks for. Each stands in one place of the upload only,
// and no stemmer changes them.
const (
	inTitle      = "zylquort"
	inID         = "brimwask"
	inMessageID  = "vonthrub"
	inHuman      = "quexolim"
	inAssistant  = "drabnivo"
	inSystem     = "fesplonk"
	inNeighbor   = "merdwexi" // in the conversation that stays
	messagesEach = 24
)

// TestDeleteLeavesNothing is the guard of the promise: it does not know which
// tables there are. It asks the catalogue for every table that can belong to a
// conversation, insists that the conversation has rows in each of them, so that
// a table of tomorrow is covered or the test fails, and counts after the delete.
func TestDeleteLeavesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		words := []string{inTitle, inID, inMessageID, inHuman, inAssistant, inSystem}
		gone := upload(t, s, distinctive())
		stays := s.Upload(t, "stays", "the "+inNeighbor+" of the one that goes", "quite so")
		s.Ready(t, gone, stays)

		require.Empty(t, db.Untied(t), "a table with vectors needs a conversation_id, or nothing can take its rows along")
		kept := db.RowsOf(t, stays)
		before := db.RowsOf(t, gone)
		require.GreaterOrEqual(t, len(before), 4, "conversations, messages, chunks, embeddings")
		for table, n := range before {
			require.Positive(t, n, "table %s has a conversation_id, but this conversation has no row in it: "+
				"let the test's upload make one, so that the delete is tested for it", table)
		}
		for _, word := range words {
			require.NotEmpty(t, db.Mentions(t, word), "%s must be somewhere before it can be gone", word)
		}
		require.Equal(t, []string{gone}, s.Finds(t, inHuman))

		answer, err := s.Client.Delete(t.Context(), gone)
		require.NoError(t, err)
		require.Equal(t, []string{gone}, answer.Deleted)

		left := db.RowsOf(t, gone)
		maps.DeleteFunc(left, func(_ string, n int) bool { return n == 0 })
		require.Empty(t, left, "rows are left")
		for _, word := range words {
			require.Empty(t, db.Mentions(t, word), "%s is left", word)
			require.Empty(t, s.Finds(t, word), word)
		}
		require.Empty(t, db.Mentions(t, gone), "its id is left")
		require.Empty(t, db.Damage(t))
		require.Equal(t, kept, db.RowsOf(t, stays), "the other conversation lost nothing")
		require.Equal(t, []string{stays}, s.Finds(t, inNeighbor))
	})
}

// distinctive is a conversation with every kind of message, a word of its own in
// every place, and enough text for several chunks.
func distinctive() api.UploadRequest {
	filler := strings.Repeat("the weather of that day was neither good nor bad and nobody minded. ", 8)
	var texts []string
	for i := range messagesEach {
		word := []string{inHuman, inAssistant}[i%2]
		texts = append(texts, fmt.Sprintf("%s, number %d: %s", word, i, filler))
	}
	u := apptest.Conversation("of "+inID, texts...)
	u.Conversation.Title = new("On " + inTitle)
	u.Conversation.Messages[0].ID = new(inMessageID)
	u.Conversation.Messages = append(u.Conversation.Messages, api.UploadedMessage{Role: "system", Content: "You know " + inSystem + "."})
	u.PlatformDisplayName = new("Some Platform")
	return u
}

func upload(t testing.TB, s *apptest.Service, u api.UploadRequest) string {
	t.Helper()
	answer, err := s.Client.Upload(t.Context(), u)
	require.NoError(t, err)
	return answer.ConversationID
}
