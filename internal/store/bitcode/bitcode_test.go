package bitcode_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/store/bitcode"
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
			codes = bitcode.Append(codes, vectors[len(vectors)-1])
		}
		size := bitcode.Size(dimensions)
		require.Len(t, codes, 20*size)
		query := random(rng, dimensions)
		prepared := bitcode.NewQuery(query)
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
		require.Equal(t, size, bitcode.Size(dimensions), "%d dimensions", dimensions)
	}
}

// A code of other dimensions means nothing, and does no harm.
func TestCodesOfAnotherLength(t *testing.T) {
	query := bitcode.NewQuery([]float32{1, 2, 3})
	require.Zero(t, query.Estimate(nil))
	require.NotPanics(t, func() { query.Estimate(make([]byte, 100)) })
	require.NotPanics(t, func() { bitcode.NewQuery(nil).Estimate(make([]byte, 8)) })
}

func BenchmarkEstimate(b *testing.B) {
	const vectors, dimensions = 100_000, 512
	rng := rand.New(rand.NewPCG(3, 4))
	codes := make([]byte, vectors*bitcode.Size(dimensions))
	for i := range codes {
		codes[i] = byte(rng.Uint32())
	}
	query := bitcode.NewQuery(random(rng, dimensions))
	var most float32
	for b.Loop() {
		for at := 0; at < len(codes); at += bitcode.Size(dimensions) {
			most = max(most, query.Estimate(codes[at:at+bitcode.Size(dimensions)]))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*vectors), "ns/vector")
	require.Positive(b, most)
}

func BenchmarkNewQuery(b *testing.B) {
	query := random(rand.New(rand.NewPCG(3, 4)), 512)
	for b.Loop() {
		bitcode.NewQuery(query)
	}
}
