package embed_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/embed/embedtest"
)

func TestHashConforms(t *testing.T) { embedtest.Conform(t, embed.NewHash()) }

func TestOpenAIConforms(t *testing.T) {
	e, err := embed.NewOpenAI(embed.OpenAIOptions{URL: embed.ServeForTest(t) + "/v1/", Model: "test-model"})
	require.NoError(t, err)
	require.Equal(t, embed.Model{ID: "openai/test-model"}, e.Model(), "nothing is known before the first answer")
	embedtest.Conform(t, e)
	require.Equal(t, 3, e.Model().Dimensions)
}
