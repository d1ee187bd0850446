package builtin

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/embed/builtin/encoder"
	"github.com/lethe-chat/lethe/internal/embed/builtin/matrix"
	"github.com/lethe-chat/lethe/internal/embed/builtin/pieces"
	"github.com/lethe-chat/lethe/internal/fault"
)

func TestMeaning(t *testing.T) {
	v := embedAll(t, New(), []string{
		"My dog is sick and needs a doctor.", "The puppy has to see the vet.", "The train to the city leaves at nine.",
	})
	require.Greater(t, cosine(v[0], v[1]), cosine(v[0], v[2])+0.2)
}

// A long text is divided into equal parts. Its vector is the mean of the vectors of the parts, weighted by their
// lengths.
func TestWindows(t *testing.T) {
	e := New()
	m, err := e.load()
	require.NoError(t, err)
	for words, sizes := range map[int][]int{
		128: {128}, 129: {65, 64}, 256: {128, 128}, 257: {86, 86, 85}, 1000: {125, 125, 125, 125, 125, 125, 125, 125},
	} {
		text := strings.Join(strings.Fields(strings.Repeat("the old house was not far from here ", 130))[:words], " ")
		var r pieces.Reading
		r.Read(m.vocabulary, text)
		require.Len(t, r.IDs, words, "each word is a piece")
		var sum [encoder.Dimensions]float64
		scratch, from := encoder.NewScratch(), 0
		for _, size := range sizes {
			part, err := m.encoder.Encode(scratch, r.IDs[from:from+size])
			require.NoError(t, err)
			for i, x := range part {
				sum[i] += float64(size) * float64(x)
			}
			from += size
		}
		require.Equal(t, words, from)
		whole, err := (&worker{scratch: scratch}).encode(t.Context(), m, r.IDs)
		require.NoError(t, err)
		require.InDeltaSlice(t, unit(sum[:]), whole, 1e-7, "%d words", words)
	}
}

func TestUnit(t *testing.T) {
	require.Equal(t, []float32{0.6, 0.8}, unit([]float64{3, 4}))
	require.Nil(t, unit(make([]float64, 3)))
}

// There are more calls than workers, with texts of all lengths. Each call gets the same vector as when it is alone.
// Worth running with -race.
func TestConcurrentCalls(t *testing.T) {
	e := newEmbedder(matrix.Kernels()[0], 2)
	texts := append([]string{"", "島への旅行", strings.Repeat("the old harbor ", 90)}, english...)
	want := make([][]float32, len(texts))
	for i, text := range texts {
		want[i] = embedAll(t, e, []string{text})[0]
	}
	t.Run("at once", func(t *testing.T) {
		for range 6 {
			t.Run("batch", func(t *testing.T) {
				t.Parallel()
				require.Equal(t, want, embedAll(t, e, texts))
			})
			t.Run("single", func(t *testing.T) {
				t.Parallel()
				require.Equal(t, want[3:4], embedAll(t, e, texts[3:4]))
			})
		}
	})
	require.Len(t, e.batches, 2, "every worker came back")
	require.Len(t, e.single, 2)
}

// endsAfter is a context that ends after it was checked a number of times.
type endsAfter struct {
	context.Context
	asks   int
	cancel context.CancelFunc
}

func (c *endsAfter) Err() error {
	if c.asks--; c.asks == 0 {
		c.cancel()
	}
	return c.Context.Err()
}

func TestCancel(t *testing.T) {
	long := strings.Repeat("the old harbor ", 2000)
	t.Run("within a long text", func(t *testing.T) {
		inner, cancel := context.WithCancel(t.Context())
		ctx := &endsAfter{inner, 5, cancel}
		_, err := New().Embed(ctx, []string{long})
		require.True(t, fault.Is(err, fault.Canceled), "%v", err)
		require.ErrorIs(t, err, context.Canceled)
		require.LessOrEqual(t, ctx.asks, 0)
		require.Greater(t, ctx.asks, -3, "it stops at once")
	})
	t.Run("while it waits for a worker", func(t *testing.T) {
		e := newEmbedder(matrix.Kernels()[0], 1)
		busy := <-e.batches
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := e.Embed(ctx, []string{"one", "two", "three"})
			done <- err
		}()
		require.Len(t, embedAll(t, e, []string{"a query does not wait"}), 1)
		cancel()
		err := <-done
		require.True(t, fault.Is(err, fault.Canceled), "%v", err)
		require.ErrorIs(t, err, context.Canceled)
		e.batches <- busy
		require.NotNil(t, embedAll(t, e, []string{"one", "two"})[1], "the embedder goes on")
	})
	t.Run("between the texts of a batch", func(t *testing.T) {
		e := newEmbedder(matrix.Kernels()[0], 2)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := e.Embed(ctx, []string{long, long, long, long})
			done <- err
		}()
		for len(e.batches) == 2 {
			runtime.Gosched() // until a worker is busy
		}
		cancel()
		err := <-done
		require.True(t, fault.Is(err, fault.Canceled), "%v", err)
		require.Len(t, e.batches, 2, "every worker came back")
	})
}

// Embedding again allocates the vector and a few strings, however long the text is.
func TestMemory(t *testing.T) {
	e := newEmbedder(matrix.Kernels()[0], 1)
	for _, text := range []string{"harbor", strings.Repeat("the old harbor ", 40)} {
		texts := []string{text}
		embedAll(t, e, texts)
		allocations := testing.AllocsPerRun(5, func() { embedAll(t, e, texts) })
		require.LessOrEqual(t, allocations, 7.0, "%d bytes", len(text))
	}
}
