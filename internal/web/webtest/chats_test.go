package webtest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/pkg/api"
)

// titled is an upload with a title and a platform.
func titled(id, platform, title string, texts ...string) api.UploadRequest {
	u := apptest.Conversation(id, texts...)
	u.Platform, u.Conversation.Title = &platform, &title
	return u
}

// upload stores conversations and returns the id of each.
func upload(t testing.TB, s *apptest.Service, uploads ...api.UploadRequest) []string {
	t.Helper()
	ids := make([]string, len(uploads))
	for i, u := range uploads {
		answer, err := s.Client.Upload(t.Context(), u)
		require.NoError(t, err)
		ids[i] = answer.ConversationID
	}
	return ids
}

// garden are three conversations of two platforms. The first is the newest.
func garden(t testing.TB, s *apptest.Service) []string {
	t.Helper()
	ids := upload(t, s,
		titled("boiler", "claude", "Boiler parts", "Which part of the boiler leaks?", "The pressure valve."),
		titled("gotland", "chatgpt", "Trip to Gotland", "When does the ferry leave?", "At seven. The flowerpot stays at home."),
		titled("key", "chatgpt", "The spare key", "Where did I leave the spare key?", "Under the blue flowerpot by the door.",
			"And the second one?", "Also under a flowerpot, the green one."),
	)
	s.Ready(t, ids...)
	return ids
}

// long stores one conversation of n messages, in parts.
func long(t testing.TB, s *apptest.Service, title string, n int) string {
	t.Helper()
	const part = 5000
	id := ""
	for from := 0; from < n; from += part {
		u := titled("long", "chatgpt", title)
		if from > 0 {
			u.Conversation.From = &from
		}
		for i := from; i < min(n, from+part); i++ {
			m := fmt.Sprint("m", i)
			u.Conversation.Messages = append(u.Conversation.Messages, api.UploadedMessage{ID: &m, Role: []string{"human", "assistant"}[i%2], Content: fmt.Sprintf("This is message %d of the long chat.", i)})
		}
		id = upload(t, s, u)[0]
	}
	return id
}
