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

// The words that the test looks for. Each is in one place of the upload only, and no
// stemmer changes it.
const (
	inTitle      = "zylquort"
	inID         = "brimwask"
	inMessageID  = "vonthrub"
	inHuman      = "quexolim"
	inAssistant  = "drabnivo"
	inSystem     = "fesplonk"
	inNeighbor   = "merdwexi" // in the conversation that is kept
	messagesEach = 24
)

// TestDeleteLeavesNothing checks that a delete deletes everything. It has no list of
// tables. It asks the catalogue for every table that can belong to a conversation,
// requires that the conversation has rows in each, so that a new table is covered or
// fails the test, and counts the rows after the delete.
func TestDeleteLeavesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		words := []string{inTitle, inID, inMessageID, inHuman, inAssistant, inSystem}
		gone := upload(t, s, distinctive())
		stays := s.Upload(t, "stays", "the "+inNeighbor+" of the deleted one", "quite so")
		s.Ready(t, gone, stays)

		require.Empty(t, db.Untied(t), "a table with vectors needs a conversation_id, or the cascade does not reach its rows")
		kept := db.RowsOf(t, stays)
		before := db.RowsOf(t, gone)
		require.GreaterOrEqual(t, len(before), 4, "conversations, messages, chunks, embeddings")
		for table, n := range before {
			require.Positive(t, n, "table %s has a conversation_id, but this conversation has no row in it: "+
				"let the test's upload create one, so that its delete is tested", table)
		}
		for _, word := range words {
			require.NotEmpty(t, db.Mentions(t, word), "%s must be stored before the delete", word)
		}
		require.Equal(t, []string{gone}, s.Finds(t, inHuman))

		answer, err := s.Client.Delete(t.Context(), gone)
		require.NoError(t, err)
		require.Equal(t, []string{gone}, answer.Deleted)

		left := db.RowsOf(t, gone)
		maps.DeleteFunc(left, func(_ string, n int) bool { return n == 0 })
		require.Empty(t, left, "rows remain")
		for _, word := range words {
			require.Empty(t, db.Mentions(t, word), "%s remains", word)
			require.Empty(t, s.Finds(t, word), word)
		}
		require.Empty(t, db.Mentions(t, gone), "its id remains")
		require.Empty(t, db.Damage(t))
		require.Equal(t, kept, db.RowsOf(t, stays), "the other conversation is unchanged")
		require.Equal(t, []string{stays}, s.Finds(t, inNeighbor))
	})
}

// distinctive returns a conversation with every kind of message, a unique word in every
// place, and enough text for several chunks.
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
