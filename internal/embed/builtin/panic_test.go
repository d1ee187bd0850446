package builtin

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/fault"
)

// A panic in a worker becomes an error of that call, and the worker can be used for the next one.
func TestAPanicIsAnError(t *testing.T) {
	e := New()
	good := e.load
	e.load = func() (model, error) {
		m, err := good()
		m.lexicon = nil // causes an index out of range for every text
		return m, err
	}
	for _, texts := range [][]string{english[:1], english} {
		vectors, err := e.Embed(t.Context(), texts)
		require.True(t, embed.Panicked(err), "%v", err)
		require.Equal(t, fault.Internal, fault.KindOf(err))
		require.NotContains(t, err.Error(), "islands", "no text is in the error")
		if len(texts) == 1 {
			require.Equal(t, [][]float32{nil}, vectors)
		}
	}
	e.load = good
	require.NotNil(t, embedAll(t, e, english)[0])
	require.Len(t, e.batches, cap(e.batches), "every worker is back")
}
