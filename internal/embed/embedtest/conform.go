// Package embedtest has the tests that every embedder must pass. What is special about one kind is tested in its own
// package.
package embedtest

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/fault"
)

// Conform tests what the interface Embedder promises, on an embedder with a working model.
func Conform(t *testing.T, e embed.Embedder) {
	t.Helper()
	ctx := context.Background()
	texts := []string{
		"The ferry to Tunø leaves at nine.", "", "   \n\t", "船は九時に出ます",
		"x", "The ferry to Tunø leaves at nine.", strings.Repeat("long ", 700), "broken \xff\xfe text",
	}
	vectors, err := e.Embed(ctx, texts)
	require.NoError(t, err)

	t.Run("one unit vector a text, in order", func(t *testing.T) {
		require.Len(t, vectors, len(texts))
		require.NotZero(t, e.Model().Dimensions)
		for i, v := range vectors {
			if v == nil {
				continue
			}
			require.Len(t, v, e.Model().Dimensions, "text %d", i)
			require.InDelta(t, 1, dot(v, v), 1e-5, "text %d", i)
		}
		require.NotNil(t, vectors[0])
		require.Equal(t, vectors[0], vectors[5], "the same text has the same vector")
		require.NotEqual(t, vectors[0], vectors[3])
	})
	t.Run("a text without content has no vector", func(t *testing.T) {
		require.Nil(t, vectors[1])
		require.Nil(t, vectors[2])
	})
	t.Run("neighbors do not matter", func(t *testing.T) {
		alone, err := e.Embed(ctx, texts[3:4])
		require.NoError(t, err)
		require.Equal(t, vectors[3], alone[0])
	})
	t.Run("nothing asked, nothing answered", func(t *testing.T) {
		for _, none := range [][]string{nil, {}} {
			got, err := e.Embed(ctx, none)
			require.NoError(t, err)
			require.Empty(t, got)
		}
	})
	t.Run("the model has a stable, short name", func(t *testing.T) {
		require.NotEmpty(t, e.Model().ID)
		require.LessOrEqual(t, len(e.Model().ID), 200)
		require.Equal(t, e.Model(), e.Model())
	})
	t.Run("an ended context is Canceled", func(t *testing.T) {
		ended, cancel := context.WithCancel(ctx)
		cancel()
		_, err := e.Embed(ended, texts)
		require.True(t, fault.Is(err, fault.Canceled), "%v", err)
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("safe for concurrent use", func(t *testing.T) {
		var group sync.WaitGroup
		answers := make([][][]float32, 8)
		for i := range answers {
			group.Go(func() { answers[i], _ = e.Embed(ctx, texts[:1]) })
		}
		group.Wait()
		for _, got := range answers {
			require.Len(t, got, 1)
			require.Equal(t, vectors[0], got[0])
		}
	})
}

func dot(a, b []float32) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}
