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

// BenchmarkIndex lets the workers index conversations that wait, and tells how
// many they manage in a second: with the embedder that hashes, and with one that
// costs nothing, which leaves reading, cutting, analysing and storing.
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

func benchIndex(b *testing.B, embedder embed.Embedder, workers int) {
	const conversations = 100
	s := open(b, storetest.New(b, *database))
	made := newCorpus(4)
	require.NoError(b, s.InTx(b.Context(), func(tx *store.Tx) error {
		_, err := tx.EnsureWorkspace("bench")
		return err
	}))
	var uploads []chat.Upload
	for range conversations {
		uploads = append(uploads, upload(made.conversation()))
	}
	_, err := history.New(history.Options{Store: s, Embedder: embedder}).IngestAll(b.Context(), 1, uploads, history.Delivery{})
	require.NoError(b, err)
	x := indexer.New(indexer.Options{Store: s, Embedder: embedder, Workers: workers})
	ctx, stop := context.WithCancel(b.Context())
	stopped := make(chan struct{})
	started := time.Now()
	go func() { x.Run(ctx, ctx); close(stopped) }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for waiting := true; waiting; <-tick.C {
		var err error
		_, waiting, err = s.View(b.Context()).NextDue()
		require.NoError(b, err)
	}
	took := time.Since(started).Seconds()
	stats, err := s.View(b.Context()).Stats(1)
	require.NoError(b, err)
	require.Zero(b, stats.Backlog.Failed)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(stats.Conversations)/took, "conversations/s")
	b.ReportMetric(float64(stats.Chunks)/took, "chunks/s")
	stop()
	<-stopped
}
