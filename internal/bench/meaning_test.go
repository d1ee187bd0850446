package bench_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/embed/builtin"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
)

// coded are the sizes, in chunks, of the workspaces that are searched by codes.
func coded() []int {
	if *large {
		return []int{10_000, 100_000}
	}
	return []int{10_000}
}

// meaningful creates an SQLite database with a workspace of n chunks, whose vectors are
// similar to those of texts.
func meaningful(b *testing.B, c *corpus, m *meanings, chunks int) storetest.Database {
	c.vectors = m.vector
	db, _ := filled(b, storetest.SQLite, c, map[string]int{"bench": chunks / chunksEach})
	return db
}

// BenchmarkMeaning searches the store on SQLite for the nearest vectors: by codes, and by
// comparing all, as in a small workspace. Both read the same file.
func BenchmarkMeaning(b *testing.B) {
	if *database != storetest.SQLite {
		return // BenchmarkNearest is the other database's
	}
	for _, chunks := range coded() {
		m := newMeanings(8, dimensions)
		db := meaningful(b, newCorpus(5), m, chunks)
		ours, plain := open(b, db), openExact(b, db)
		memory := map[string]*watched{"ours": {}, "plain": {}}
		for side, s := range map[string]*store.Store{"ours": ours, "plain": plain} {
			stop := memory[side].watch()
			for range 5 {
				nearest(b, s, 1, m.vector())
			}
			stop()
		}
		for _, filter := range []chat.Filter{{}, {Platform: "bench"}} { // the other leaves all of them in
			b.Run(fmt.Sprintf("chunks=%d/platform=%s", chunks, filter.Platform), func(b *testing.B) {
				var query []float32
				search := func(s *store.Store) func(int) {
					return func(int) {
						found, err := s.View(b.Context()).SearchSemantic(1, space(dimensions), query, filter)
						require.NoError(b, err)
						require.Len(b, found, legSize)
					}
				}
				t := duel{prepare: func(int) { query = m.vector() }, ours: search(ours), plain: search(plain)}.run(b, 101)
				reportTails(b, t)
				b.ReportMetric(float64(ours.CodeBytes())/(1<<20), "codes-MB")
				for side, w := range memory {
					b.ReportMetric(float64(w.mostHeap-w.heap)/(1<<20), side+"-heap-added-MB")
					b.ReportMetric(float64(w.mostResident-w.resident)/(1<<20), side+"-rss-added-MB")
				}
				ten, hundred := agreement(b, ours, plain, m)
				b.ReportMetric(ten, "top10-same")
				b.ReportMetric(hundred, "top100-overlap")
			})
		}
	}
}

func reportTails(b *testing.B, t times) {
	b.ReportMetric(ms(quantile(t.ours, 0.95)), "ours-p95-ms")
	b.ReportMetric(ms(quantile(t.plain, 0.95)), "plain-p95-ms")
}

// agreement returns the share of queries whose ten nearest are all found, and the mean
// share of the hundred nearest that are found.
func agreement(b *testing.B, ours, plain *store.Store, m *meanings) (ten, hundred float64) {
	const queries = 100
	for range queries {
		query := m.vector()
		found, right := nearest(b, ours, 1, query), nearest(b, plain, 1, query)
		if slices.Equal(found[:10], right[:10]) {
			ten++
		}
		for _, r := range right {
			if slices.ContainsFunc(found, func(s rank.Scored) bool { return s.Key == r.Key }) {
				hundred++
			}
		}
	}
	return ten / queries, hundred / (queries * legSize)
}

// recalled takes as long as the built-in model, and returns a vector near some of the
// stored ones.
type recalled struct {
	model embed.Embedder
	m     *meanings
}

func (recalled) Model() embed.Model { return benchModel }

func (r recalled) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if _, err := r.model.Embed(ctx, texts); err != nil {
		return nil, err
	}
	return [][]float32{r.m.vector()}, nil
}

// commonest is the number of made-up words that no question contains: those that are more
// common than any word of a language that is not a stop word. The rest is in one of
// seventeen passages on average, like the words of LoCoMo's questions.
const commonest = 30

// question returns n words, as common as those of people's questions.
func (c *corpus) question(words int) (text string) {
	for len(text) == 0 || words > 0 {
		if at := c.zipf.Uint64(); at >= commonest {
			text += c.words[at] + " "
			words--
		}
	}
	return text
}

// BenchmarkRecall requests a digest from the service on SQLite over HTTP: with codes, and
// with a comparison of all vectors.
func BenchmarkRecall(b *testing.B) {
	if *database != storetest.SQLite {
		return
	}
	for _, chunks := range coded() {
		c, m := newCorpus(5), newMeanings(8, dimensions)
		db := meaningful(b, c, m, chunks)
		embedder := recalled{builtin.New(), m}
		ours := start(b, db, embedder)
		plain := serve(b, openExact(b, db), embedder)
		b.Run(fmt.Sprintf("chunks=%d", chunks), func(b *testing.B) {
			var question string
			rng := rand.New(rand.NewPCG(1, 1))
			ask := func(s *service) func(int) {
				client := s.client(b, "bench")
				return func(int) {
					answer, err := client.Recall(b.Context(), api.RecallRequest{Query: &question})
					require.NoError(b, err)
					require.NotEmpty(b, answer.Content)
				}
			}
			t := duel{
				prepare: func(int) { question = c.question(3 + rng.IntN(6)) },
				ours:    ask(ours),
				plain:   ask(plain),
			}.run(b, 101)
			reportTails(b, t)
		})
	}
}
