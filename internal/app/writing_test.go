package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
)

const modelKey = "sk-the-key-of-the-models"

// modelServer starts a server with the chat and the rerank API on loopback; write and
// rerank answer their calls.
func modelServer(t *testing.T, write func(prompt string) string, rerank func(documents []string) string) (environ []string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var asked struct {
			Model     string
			Messages  []struct{ Role, Content string }
			Documents []string
		}
		answer := ""
		if json.Unmarshal(body, &asked) == nil && r.Header.Get("Authorization") == "Bearer "+modelKey {
			switch {
			case r.URL.Path == "/v1/chat/completions" && len(asked.Messages) == 2 && write != nil:
				answer = write(asked.Messages[1].Content)
			case r.URL.Path == "/v1/rerank" && rerank != nil:
				answer = rerank(asked.Documents)
			}
		}
		if answer == "" {
			http.Error(w, "no", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	if write != nil {
		environ = append(environ, "LETHE_LLM_URL="+server.URL+"/v1", "LETHE_LLM_MODEL=writer", "LETHE_LLM_API_KEY="+modelKey)
	}
	if rerank != nil {
		environ = append(environ, "LETHE_RERANK_URL="+server.URL+"/v1", "LETHE_RERANK_MODEL=judge", "LETHE_RERANK_API_KEY="+modelKey)
	}
	return environ
}

func completionOf(text string) string {
	quoted, _ := json.Marshal(text)
	return `{"choices":[{"message":{"role":"assistant","content":` + string(quoted) + `},"finish_reason":"stop"}]}`
}

// A delete while the model writes does not wait. The digest contains nothing of the
// deleted conversation, although the model has read it and quotes it.
func TestDeleteWhileAModelWrites(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		reads, deleted := make(chan string), make(chan struct{})
		letGo := sync.OnceFunc(func() { close(deleted) })
		environ := modelServer(t, func(prompt string) string {
			reads <- prompt
			<-deleted
			return completionOf("The snarkfeld is mine and yours [1][2].")
		}, nil)
		t.Cleanup(letGo) // before the server is closed, which waits for its answers
		s := apptest.Start(t, db, apptest.WithEnv(environ...))
		gone := s.Upload(t, "gone", "the snarkfeld in the red barn is mine", "your grandmother left it to you")
		stays := s.Upload(t, "stays", "the snarkfeld behind the church is yours", "it was bought in autumn")
		s.Ready(t, gone, stays)

		var recalled api.RecallAnswer
		var recalling error
		done := make(chan struct{})
		go func() {
			defer close(done)
			recalled, recalling = s.Client.Recall(t.Context(), api.RecallRequest{Query: new("whose is the snarkfeld")})
		}()
		require.Contains(t, <-reads, "is mine")
		answer, err := s.Client.Delete(t.Context(), gone)
		require.NoError(t, err)
		require.Equal(t, []string{gone}, answer.Deleted)
		letGo()
		<-done
		require.NoError(t, recalling)
		require.Equal(t, "extractive", recalled.Model)
		require.NotContains(t, recalled.Content, "is mine")
		require.NotContains(t, recalled.Content, "mine and yours")
		require.Contains(t, recalled.Content, "behind the church")
		require.Len(t, recalled.Sources, 1)
		require.Equal(t, stays, recalled.Sources[0].ConversationID)
		require.Equal(t, "1", metric(t.Context(), s, `lethe_written_digests_total{outcome="overtaken"}`))
		nothingLeft(t, db)
	})
}

// The complete flow: a server that writes, a server that reranks, and the same service
// when both fail.
func TestModelsOnTheWire(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db, apptest.WithEnv(modelServer(t, func(prompt string) string {
			if strings.Contains(prompt, "fails") {
				return ""
			}
			return completionOf("Somebody owns it [1].")
		}, func(documents []string) string {
			if len(documents) != 2 {
				return ""
			}
			first := 0
			if strings.Contains(documents[1], "yours") {
				first = 1
			}
			answer, _ := json.Marshal(map[string]any{"results": []any{
				map[string]any{"index": first, "relevance_score": 3.5}, map[string]any{"index": 1 - first, "relevance_score": -2},
			}})
			return string(answer)
		})...))
		mine := s.Upload(t, "mine", "the snarkfeld, the snarkfeld is mine", "so it is")
		yours := s.Upload(t, "yours", "of the snarkfeld people say in autumn that it is yours, bought behind the church", "so it is")
		s.Ready(t, mine, yours)

		search := func(skip bool) api.SearchAnswer {
			found, err := s.Client.Search(t.Context(), api.SearchRequest{Query: "snarkfeld", SkipRerank: &skip})
			require.NoError(t, err)
			require.Len(t, found.Results, 2)
			require.InDelta(t, 1, found.Results[0].Score, 0.01, "it has every word of the query")
			return found
		}
		found := search(false)
		require.True(t, found.Reranked)
		require.Equal(t, yours, found.Results[0].ConversationID)
		found = search(true)
		require.False(t, found.Reranked)
		require.Equal(t, mine, found.Results[0].ConversationID)
		require.Equal(t, "1", metric(t.Context(), s, `lethe_reranks_total{outcome="reranked"}`))

		recalled, err := s.Client.Recall(t.Context(), api.RecallRequest{Queries: []api.RecallQuery{{Query: "whose is the snarkfeld"}, {Query: "what fails with the snarkfeld"}}})
		require.NoError(t, err)
		require.Equal(t, "writer", recalled.Model)
		require.Equal(t, "writer", recalled.Results[0].Model)
		require.Contains(t, recalled.Results[0].Content, "Somebody owns it [1].")
		require.Len(t, recalled.Results[0].Sources, 1)
		require.Equal(t, "extractive", recalled.Results[1].Model)
		require.Len(t, recalled.Results[1].Sources, 2)
		require.Equal(t, "1", metric(t.Context(), s, `lethe_written_digests_total{outcome="unavailable"}`))

		third := s.Upload(t, "third", "a third snarkfeld") // the server can only order two
		s.Ready(t, third)
		answer, err := s.Client.Search(t.Context(), api.SearchRequest{Query: "snarkfeld"})
		require.NoError(t, err)
		require.False(t, answer.Reranked)
		require.Len(t, answer.Results, 3)
		require.Equal(t, "1", metric(t.Context(), s, `lethe_reranks_total{outcome="unavailable"}`))
	})
}

func TestWithoutModelsNothingIsReranked(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := apptest.Start(t, db)
		s.Ready(t, s.Upload(t, "mine", "the snarkfeld is mine"), s.Upload(t, "yours", "the snarkfeld is yours"))
		found, err := s.Client.Search(t.Context(), api.SearchRequest{Query: "snarkfeld", SkipRerank: new(bool)})
		require.NoError(t, err)
		require.Len(t, found.Results, 2)
		require.False(t, found.Reranked)
	})
}
