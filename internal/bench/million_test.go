package bench_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

func TestMain(m *testing.M) { apptest.Main(m) }

// The shape of the history that BenchmarkMillion measures.
const (
	millionEach  = 40  // messages of a conversation
	millionBytes = 600 // of a message
	millionAsked = 200 // queries of one kind
)

// BenchmarkMillion imports a history of 1,000,000 messages (20,000 without -large) into the
// whole program in a process of its own, waits until it is indexed, starts the program
// again, and measures the first answer, searches of several kinds, memory, the size of the
// database and deletes.
func BenchmarkMillion(b *testing.B) {
	conversations := 500
	if *large {
		conversations = 25_000
	}
	b.Run("vectors=none", func(b *testing.B) { benchMillion(b, conversations, apptest.WithEnv("LETHE_EMBEDDER=none"), "keyword") })
	b.Run("vectors=128", func(b *testing.B) {
		benchMillion(b, conversations, apptest.WithEmbedder(smallDirections{}), "keyword", "semantic", "hybrid")
	})
}

func benchMillion(b *testing.B, conversations int, embedder apptest.Option, modes ...string) {
	db := storetest.New(b, *database)
	quiet := apptest.WithEnv("LETHE_RATE_LIMIT=0", "LETHE_LOG_LEVEL=error")
	p := apptest.StartProcess(b, db, embedder, quiet)
	began := time.Now()
	body, writer := io.Pipe()
	go func() { _ = writer.CloseWithError(writeHistory(writer, conversations)) }()
	_, err := p.With(b, apptest.Key).ImportFile(b.Context(), body, false)
	require.NoError(b, err)
	stored := time.Since(began)
	stats := awaitIndexed(b, p, conversations)
	indexed := time.Since(began)
	messages := float64(conversations * millionEach)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(messages/stored.Seconds(), "stored-messages/s")
	b.ReportMetric(messages/indexed.Seconds(), "indexed-messages/s")
	b.ReportMetric(float64(stats.Chunks), "passages")
	b.ReportMetric(float64(p.PeakMemory(b))/(1<<20), "import-rss-MB")
	p.Stop(b)
	b.ReportMetric(databaseBytes(b, db)/1e6, "database-MB")

	made := newCorpus(9)
	began = time.Now()
	p = apptest.StartProcess(b, db, embedder, quiet)
	ready := time.Since(began)
	search(b, p, "keyword", made.query(3))
	b.ReportMetric(float64(ready.Milliseconds()), "ready-ms")
	b.ReportMetric(float64(time.Since(began).Milliseconds()), "first-answer-ms")
	if slices.Contains(modes, "semantic") {
		search(b, p, "semantic", made.query(12))
		b.ReportMetric(float64(time.Since(began).Milliseconds()), "first-semantic-ms")
	}
	for _, mode := range modes {
		for _, words := range []int{1, 3, 12} {
			if mode != "keyword" && words != 12 {
				continue
			}
			took := make([]time.Duration, millionAsked)
			for i := range took {
				asked := time.Now()
				search(b, p, mode, made.query(words))
				took[i] = time.Since(asked)
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, fmt.Sprintf("%s-%d-p95-ms", mode, words))
		}
	}
	b.ReportMetric(float64(p.PeakMemory(b))/(1<<20), "search-rss-MB")
	b.ReportMetric(deleteFifty(b, p), "delete-50-ms")
}

// search asks one question and expects an answer.
func search(b *testing.B, p *apptest.Process, mode, query string) {
	b.Helper()
	_, err := p.With(b, apptest.Key).Search(b.Context(), api.SearchRequest{Query: query, Mode: new(api.SearchMode(mode))})
	require.NoError(b, err)
}

// deleteFifty deletes 50 conversations at once, five times, and returns the median in ms.
func deleteFifty(b *testing.B, p *apptest.Process) float64 {
	b.Helper()
	caller := p.With(b, apptest.Key)
	took := make([]time.Duration, 5)
	for i := range took {
		page, err := caller.List(b.Context(), client.ListOptions{PageSize: 50})
		require.NoError(b, err)
		ids := make([]string, 0, 50)
		for _, c := range page.Items {
			ids = append(ids, c.ID)
		}
		began := time.Now()
		done, err := caller.Delete(b.Context(), ids...)
		require.NoError(b, err)
		require.Equal(b, len(ids), done.Count)
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return float64(took[len(took)/2].Microseconds()) / 1000
}

// awaitIndexed waits until every conversation is indexed, however long it takes.
func awaitIndexed(b *testing.B, p *apptest.Process, conversations int) api.Stats {
	b.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		stats, err := p.With(b, apptest.Key).Stats(b.Context())
		require.NoError(b, err)
		if stats.Conversations == conversations && stats.Backlog.Queued+stats.Backlog.Indexing == 0 && stats.Embedding.Pending == 0 {
			return stats
		}
		<-tick.C
	}
}

// writeHistory writes conversations as Lethe's own lines.
func writeHistory(w io.Writer, conversations int) error {
	out := bufio.NewWriterSize(w, 1<<20)
	made := newCorpus(8)
	at := time.Date(2024, 1, 1, 8, 0, 0, 0, time.UTC)
	lines := json.NewEncoder(out)
	for c := range conversations {
		messages := make([]map[string]any, millionEach)
		for m := range messages {
			text := made.text(110)
			messages[m] = map[string]any{"id": fmt.Sprintf("m%d", m), "role": []string{"human", "assistant"}[m%2],
				"content": text[:strings.LastIndexByte(text[:millionBytes], ' ')], "createdAt": at.Add(time.Duration(c*millionEach+m) * time.Minute)}
		}
		err := lines.Encode(map[string]any{"platform": "chatgpt", "conversation": map[string]any{
			"id": fmt.Sprintf("c%d", c), "title": made.text(5), "messages": messages,
		}})
		if err != nil {
			return err
		}
	}
	return out.Flush()
}

// databaseBytes is the size of the database on disk.
func databaseBytes(b *testing.B, db storetest.Database) float64 {
	b.Helper()
	if db.Kind == storetest.Postgres {
		return float64(db.Count(b, "SELECT pg_database_size(current_database())"))
	}
	total := 0.0
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(filepath.Clean(db.Options().Path) + suffix); err == nil {
			total += float64(info.Size())
		}
	}
	return total
}

// smallDirections is an embedder with vectors of 128 numbers that costs nothing.
type smallDirections struct{}

func (smallDirections) Model() embed.Model { return embed.Model{ID: "small", Dimensions: 128} }

func (smallDirections) Embed(_ context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		rng := rand.New(rand.NewPCG(uint64(len(text)), uint64(text[len(text)/2])))
		v := make([]float32, 128)
		for j := range v {
			v[j] = float32(rng.NormFloat64())
		}
		vectors[i] = v
	}
	return vectors, nil
}
