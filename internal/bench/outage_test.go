package bench_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/pkg/api"
)

// hanging is an embedder that never answers.
type hanging struct{ directions }

func (hanging) Embed(ctx context.Context, _ []string) ([][]float32, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// BenchmarkSearchWhileTheEmbedderHangs measures the cost of an embedder that hangs: the
// first search by meaning, and later ones beside keyword searches.
func BenchmarkSearchWhileTheEmbedderHangs(b *testing.B) {
	const rounds = 200
	c := newCorpus(5)
	source, _ := filled(b, *database, c, map[string]int{workspaceOf(1000): 1000 / chunksEach})
	client := start(b, source.Clone(b), hanging{}).client(b, workspaceOf(1000))
	search := func(mode api.SearchMode, query string) time.Duration {
		began := time.Now()
		answer, err := client.Search(b.Context(), api.SearchRequest{Query: query, Mode: &mode})
		require.NoError(b, err)
		require.Equal(b, api.SearchMode("keyword"), answer.Mode)
		return time.Since(began)
	}
	p95 := func(mode api.SearchMode) float64 {
		var took []time.Duration
		for round := range rounds {
			took = append(took, search(mode, c.query(2+round%5)))
		}
		slices.Sort(took)
		return took[rounds*95/100].Seconds() * 1000
	}
	for b.Loop() {
		p95("keyword") // everything is warm
		b.ReportMetric(search("hybrid", c.query(3)).Seconds()*1000, "first-ms")
		b.ReportMetric(p95("hybrid"), "p95-later-ms")
		b.ReportMetric(p95("keyword"), "p95-keyword-ms")
	}
}
