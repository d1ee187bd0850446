package faulty_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/llm"
	"github.com/lethe-chat/lethe/internal/modelhttp"
	"github.com/lethe-chat/lethe/internal/modelhttp/faulty"
	"github.com/lethe-chat/lethe/internal/rerank"
)

// Whatever a model server does, each client returns in time, with a fault that has a kind and does not quote the
// question.
func TestEveryClientSurvivesEveryServer(t *testing.T) {
	const timeout, secret = 100 * time.Millisecond, "xylophone"
	for name, url := range faulty.Servers(t) {
		t.Run(name, func(t *testing.T) {
			embedder, err := embed.NewOpenAI(embed.OpenAIOptions{URL: url, Model: "m", Timeout: timeout, MaxRetries: -1})
			require.NoError(t, err)
			reranker, err := rerank.NewRemote(modelhttp.Endpoint{URL: url, Model: "m", Timeout: timeout})
			require.NoError(t, err)
			writer, err := llm.NewRemote(modelhttp.Endpoint{URL: url, Model: "m", Timeout: timeout})
			require.NoError(t, err)
			for client, ask := range map[string]func(context.Context) error{
				"embeddings": func(ctx context.Context) error {
					_, err := embed.Call(ctx, embedder, []string{secret})
					return err
				},
				"rerank": func(ctx context.Context) error {
					_, err := reranker.Rerank(ctx, secret, []string{secret, "another"})
					return err
				},
				"llm": func(ctx context.Context) error {
					_, err := writer.Write(ctx, llm.Task{})
					return err
				},
			} {
				err := ask(t.Context())
				require.Error(t, err, client)
				require.Contains(t, []fault.Kind{fault.Unavailable, fault.Invalid}, fault.KindOf(err), "%s: %v", client, err)
				require.NotContains(t, err.Error(), secret, client)
			}
		})
	}
}
