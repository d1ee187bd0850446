package webtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
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

// many stores n conversations of two short messages.
func many(t testing.TB, s *apptest.Service, n int) {
	t.Helper()
	var file bytes.Buffer
	lines := json.NewEncoder(&file)
	began := time.Date(2020, 1, 1, 8, 0, 0, 0, time.UTC)
	for i := range n {
		u := titled(fmt.Sprint("many-", i), []string{"chatgpt", "claude"}[i%2], fmt.Sprintf("Chat number %d", i),
			fmt.Sprintf("What about item %d?", i), fmt.Sprintf("Item %d is on shelf %d.", i, i%97))
		at := api.NewTime(began.Add(time.Duration(i) * time.Hour))
		u.Conversation.CreatedAt = &at
		for m := range u.Conversation.Messages {
			u.Conversation.Messages[m].CreatedAt = &at
		}
		require.NoError(t, lines.Encode(u))
	}
	_, err := s.Client.ImportFile(t.Context(), &file, false)
	require.NoError(t, err)
}

// clientOf lists the conversations of a platform.
func clientOf(platform string) client.ListOptions { return client.ListOptions{Provider: platform} }
