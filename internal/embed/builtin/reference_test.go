package builtin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/embed/builtin/encoder"
	"github.com/lethe-chat/lethe/internal/embed/builtin/matrix"
	"github.com/lethe-chat/lethe/internal/embed/builtin/pieces"
)

// referenceText has the vector that the original model computes for a text. `make model` checks the exact weights
// against the same file.
type referenceText struct {
	Text   string    `json:"text"`
	Pieces []int32   `json:"pieces"`
	Vector []float32 `json:"vector"`
}

func reference(t *testing.T) (texts []referenceText) {
	t.Helper()
	raw, err := os.ReadFile("testdata/reference.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &texts))
	require.Len(t, texts, 6)
	return texts
}

// The embedded file is the one that `make model` builds and checks.
func TestFile(t *testing.T) {
	sum, err := os.ReadFile("model/use-lite-int8-v1.bin.sha256")
	require.NoError(t, err)
	digest := sha256.Sum256(file)
	require.Equal(t, hex.EncodeToString(digest[:])+"  use-lite-int8-v1.bin\n", string(sum))
}

func TestReferencePieces(t *testing.T) {
	m, err := load(matrix.Portable())
	require.NoError(t, err)
	var r pieces.Reading
	for _, text := range reference(t) {
		r.Read(m.vocabulary, text.Text)
		require.Equal(t, text.Pieces, r.IDs, text.Text)
	}
}

func TestReferenceVectors(t *testing.T) {
	for _, kernel := range matrix.Kernels() {
		t.Run(kernel.Name, func(t *testing.T) {
			m, err := load(kernel)
			require.NoError(t, err)
			scratch := encoder.NewScratch()
			for _, text := range reference(t) {
				got, err := m.encoder.Encode(scratch, text.Pieces)
				require.NoError(t, err)
				require.GreaterOrEqual(t, cosine(got, text.Vector), 0.999, text.Text)
			}
		})
	}
}

// Stored vectors may come from a service on another processor than the queries that they are compared with.
func TestKernelsGiveTheSameVectors(t *testing.T) {
	want := embedAll(t, newEmbedder(matrix.Portable(), 2), english)
	for _, kernel := range matrix.Kernels() {
		got := embedAll(t, newEmbedder(kernel, 2), english)
		for i := range want {
			require.InDeltaSlice(t, want[i], got[i], 2e-6, "%s: %s", kernel.Name, english[i])
		}
	}
}

func embedAll(t *testing.T, e *Embedder, texts []string) [][]float32 {
	t.Helper()
	vectors, err := e.Embed(t.Context(), texts)
	require.NoError(t, err)
	return vectors
}

func cosine(a, b []float32) float64 {
	var dot, x, y float64
	for i := range a {
		dot += float64(a[i]) * float64(b[i])
		x += float64(a[i]) * float64(a[i])
		y += float64(b[i]) * float64(b[i])
	}
	return dot / math.Sqrt(x*y)
}
