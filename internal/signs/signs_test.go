package signs_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/signs"
)

func random(rng *rand.Rand, dimensions int) []float32 {
	v := make([]float32, dimensions)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

// The estimate is what its definition says, for every number of dimensions.
func TestEstimateIsTheSumWithTheCodesSigns(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, dimensions := range []int{1, 3, 7, 8, 9, 63, 64, 65, 100, 512, 1536} {
		var codes []byte
		var vectors [][]float32
		for range 20 {
			vectors = append(vectors, random(rng, dimensions))
			codes = signs.Append(codes, vectors[len(vectors)-1])
		}
		size := signs.Size(dimensions)
		require.Len(t, codes, 20*size)
		query := random(rng, dimensions)
		prepared := signs.NewQuery(query)
		for i, v := range vectors {
			var want float64
			for j, x := range query {
				if v[j] < 0 {
					x = -x
				}
				want += float64(x)
			}
			require.InDelta(t, want, prepared.Estimate(codes[i*size:(i+1)*size]), 1e-3, "%d dimensions", dimensions)
		}
	}
}

func TestSize(t *testing.T) {
	for dimensions, size := range map[int]int{0: 0, 1: 8, 64: 8, 65: 16, 384: 48, 512: 64, 768: 96} {
		require.Equal(t, size, signs.Size(dimensions), "%d dimensions", dimensions)
	}
}

// A code of other dimensions means nothing, and does no harm.
func TestCodesOfAnotherLength(t *testing.T) {
	query := signs.NewQuery([]float32{1, 2, 3})
	require.Zero(t, query.Estimate(nil))
	require.NotPanics(t, func() { query.Estimate(make([]byte, 100)) })
	require.NotPanics(t, func() { signs.NewQuery(nil).Estimate(make([]byte, 8)) })
}

func BenchmarkEstimate(b *testing.B) {
	const vectors, dimensions = 100_000, 512
	rng := rand.New(rand.NewPCG(3, 4))
	codes := make([]byte, vectors*signs.Size(dimensions))
	for i := range codes {
		codes[i] = byte(rng.Uint32())
	}
	query := signs.NewQuery(random(rng, dimensions))
	var most float32
	for b.Loop() {
		for at := 0; at < len(codes); at += signs.Size(dimensions) {
			most = max(most, query.Estimate(codes[at:at+signs.Size(dimensions)]))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*vectors), "ns/vector")
	require.Positive(b, most)
}

func BenchmarkNewQuery(b *testing.B) {
	query := random(rand.New(rand.NewPCG(3, 4)), 512)
	for b.Loop() {
		signs.NewQuery(query)
	}
}
