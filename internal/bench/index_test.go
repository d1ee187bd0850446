package bench_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/indexer"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// BenchmarkIndex measures how many queued conversations the workers index in a second:
// with the hash embedder, and with one that costs nothing, so that reading, splitting,
// analyzing and storing remain.
func BenchmarkIndex(b *testing.B) {
	embedders := map[string]embed.Embedder{"hash": embed.NewHash(), "free": directions{}}
	for _, name := range []string{"hash", "free"} {
		for _, workers := range []int{1, 2} {
			b.Run(fmt.Sprintf("embedder=%s/workers=%d", name, workers), func(b *testing.B) {
				benchIndex(b, embedders[name], workers)
			})
		}
	}
}

// BenchmarkReindex measures how many chunks per second the workers re-index with another model that costs the same,
// and compares that with indexing new ones in the same run.
func BenchmarkReindex(b *testing.B) {
	embedders := map[string]embed.Embedder{"hash": embed.NewHash(), "free": directions{}}
	for _, name := range []string{"hash", "free"} {
		for _, workers := range []int{1, 2} {
			b.Run(fmt.Sprintf("embedder=%s/workers=%d", name, workers), func(b *testing.B) {
				s := open(b, storetest.New(b, *database))
				fresh := indexFresh(b, s, embedders[name], workers)
				stats := until(b, s, renamed{embedders[name]}, workers, func(sum chat.Stats) bool { return sum.Embedding.Model != "renamed" || sum.Embedding.Pending > 0 })
				again := float64(stats.Chunks) / stats.took.Seconds()
				require.Zero(b, stats.Embedding.Unused)
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(fresh, "fresh-chunks/s")
				b.ReportMetric(again, "anew-chunks/s")
				b.ReportMetric(again/fresh, "anew/fresh")
			})
		}
	}
}

// renamed is an embedder with another name, which is another model for the database.
type renamed struct{ embed.Embedder }

func (r renamed) Model() embed.Model {
	return embed.Model{ID: "renamed", Dimensions: r.Embedder.Model().Dimensions}
}

func benchIndex(b *testing.B, embedder embed.Embedder, workers int) {
	s := open(b, storetest.New(b, *database))
	chunks := indexFresh(b, s, embedder, workers)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(chunks/chunksEach, "conversations/s")
	b.ReportMetric(chunks, "chunks/s")
}

// indexFresh indexes new conversations and returns the number of chunks in a second.
func indexFresh(b *testing.B, s *store.Store, embedder embed.Embedder, workers int) float64 {
	b.Helper()
	const conversations = 100
	made := newCorpus(4)
	require.NoError(b, s.InTx(b.Context(), func(tx *store.Tx) error {
		_, err := tx.EnsureWorkspace("bench")
		return err
	}))
	var uploads []chat.Upload
	for range conversations {
		uploads = append(uploads, upload(made.conversation()))
	}
	_, err := history.New(history.Options{Store: s, Embedder: embedder}).AsOperator(1).IngestAll(b.Context(), uploads, history.Delivery{})
	require.NoError(b, err)
	stats := until(b, s, embedder, workers, func(sum chat.Stats) bool { return sum.Backlog.Queued+sum.Backlog.Indexing > 0 })
	require.Zero(b, stats.Backlog.Failed)
	return float64(stats.Chunks) / stats.took.Seconds()
}

type timedStats struct {
	chat.Stats
	took time.Duration
}

// until runs an indexer as long as there is work.
func until(b *testing.B, s *store.Store, embedder embed.Embedder, workers int, more func(chat.Stats) bool) (sum timedStats) {
	b.Helper()
	x := indexer.New(indexer.Options{Store: s, Embedder: embedder, Workers: workers})
	ctx, stop := context.WithCancel(b.Context())
	stopped := make(chan struct{})
	started := time.Now()
	go func() { x.Run(ctx, ctx); close(stopped) }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for busy := true; busy; <-tick.C {
		stats, err := s.View(b.Context()).Stats(1)
		require.NoError(b, err)
		busy = more(stats)
		sum = timedStats{stats, time.Since(started)}
	}
	stop()
	<-stopped
	return sum
}
