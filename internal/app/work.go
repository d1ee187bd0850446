package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/lethe-chat/lethe/internal/config"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/indexer"
	"github.com/lethe-chat/lethe/internal/store"
)

// Work opens the database, which it creates if there is none, and calls fn while conversations
// are being indexed. It is for a command that stores conversations when no service runs.
// When fn has returned, Work finishes what is being indexed, unless ctx has ended: then the rest
// is returned to the queue at once. It returns the errors of fn and of opening and closing.
func Work(ctx context.Context, c config.Config, logger *slog.Logger, fn func(*history.History) error) (err error) {
	embedder, err := newEmbedder(c)
	if err != nil {
		return err
	}
	s, err := openStore(ctx, c, ToBegin, store.Options{Logger: logger})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	l, err := newLedger(c, s, logger, nil)
	if err != nil {
		return err
	}
	if err := Obey(ctx, s, l); err != nil {
		return err
	}
	x := indexer.New(indexer.Options{
		Store: s, Embedder: embedder, Logger: logger, Workers: c.Workers, MaxTokens: c.MaxTokens, Settings: embeddingSettings(c),
	})
	if err := x.Adopt(ctx); err != nil {
		return err
	}
	h := history.New(history.Options{Store: s, Embedder: embedder, Wake: x.WakeIn, Logger: logger})
	defer h.Close()
	_ = s.ShowAlive(ctx)                                   // before an import begins; after an error, others notice by its silence that it has ended
	if _, err := h.StopAbandonedImports(ctx); err != nil { // of commands that were killed
		return err
	}
	soft, stop := context.WithCancel(ctx)
	var indexing sync.WaitGroup
	indexing.Go(func() { x.Run(soft, ctx) })
	defer func() { stop(); indexing.Wait() }()
	return fn(h)
}
