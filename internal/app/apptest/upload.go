package apptest

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/pkg/api"
)

// Conversation returns an upload of these texts, alternately by a human and an
// assistant. The messages have ids, so a re-send with other texts edits them.
func Conversation(externalID string, texts ...string) api.UploadRequest {
	u := api.UploadRequest{Conversation: api.UploadedChat{ID: externalID}}
	for i, text := range texts {
		u.Conversation.Messages = append(u.Conversation.Messages, api.UploadedMessage{
			ID: new("m" + strconv.Itoa(i)), Role: []string{"human", "assistant"}[i%2], Content: text,
		})
	}
	return u
}

// Upload stores a conversation in the default workspace and returns its id.
func (s *Service) Upload(t testing.TB, externalID string, texts ...string) string {
	t.Helper()
	answer, err := s.Client.Upload(t.Context(), Conversation(externalID, texts...))
	require.NoError(t, err)
	return answer.ConversationID
}

// Finds returns the conversations that a keyword search for the text finds, best first,
// each once.
func (s *Service) Finds(t testing.TB, text string) []string {
	t.Helper()
	answer, err := s.Client.Search(t.Context(), api.SearchRequest{Query: text, Limit: new(100), Mode: new(api.SearchModeKeyword)})
	require.NoError(t, err)
	return conversations(answer)
}

func conversations(answer api.SearchAnswer) []string {
	ids, seen := []string{}, map[string]bool{}
	for _, r := range answer.Results {
		if !seen[r.ConversationID] {
			seen[r.ConversationID] = true
			ids = append(ids, r.ConversationID)
		}
	}
	return ids
}
