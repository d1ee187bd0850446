package indexer

import (
	"context"
	"log/slog"
	"time"

	"github.com/lethe-chat/lethe/internal/store"
)

// PassagesVersion must be raised when the same conversation gives other chunks, or the same
// chunk other terms: when package chunker or the analyzer in package text changes. Every
// conversation is then re-indexed in the background. A test detects such changes.
// Version 3 gives the same texts as version 2, and their parts.
const PassagesVersion = 4

// recipe returns the recipe of this program.
func (x *Indexer) recipe() store.Recipe {
	return store.Recipe{Model: x.o.Embedder.Model().ID, Passages: PassagesVersion}
}

// Adopt makes the recipe of this program the current one of the database. If several
// programs share the database, the recipe of the last one that started is current.
// Programs with the current recipe re-index the conversations that are behind; the others
// only index new uploads. Run calls Adopt if nobody has.
func (x *Indexer) Adopt(ctx context.Context) error {
	var adopted store.Adoption
	recipe := x.recipe()
	err := x.o.Store.InTx(ctx, func(tx *store.Tx) (err error) {
		adopted, err = tx.AdoptRecipe(recipe, x.o.Settings)
		return err
	})
	if err != nil {
		return err
	}
	x.adopted.Store(true)
	if adopted.Requeued > 0 {
		x.o.Logger.Info("indexer: retrying failed conversations, because a setting of the embedder has changed", "conversations", adopted.Requeued)
	}
	if adopted.Changed && adopted.Conversations > 0 {
		x.o.Logger.Info("indexer: re-indexing conversations in the background, because the model, the analyzer or the chunker has changed",
			"conversations", adopted.Conversations, "model", recipe.Model, "before", adopted.Before.Model,
			"passages", recipe.Passages, "passages_before", adopted.Before.Passages)
	}
	return nil
}

// follow watches the progress of a change of the recipe until ctx ends, and logs when it is
// complete.
func (x *Indexer) follow(ctx context.Context) {
	ticker := time.NewTicker(followPolls * x.o.Poll)
	defer ticker.Stop()
	for {
		if err := x.look(ctx); err != nil && ctx.Err() == nil {
			x.o.Logger.Warn("indexer: cannot read the progress of re-indexing; trying again soon", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-x.idle:
		}
	}
}

// followPolls is how many polls pass between two looks at the progress. It is more than one
// because each look counts all the remaining work.
const followPolls = 5

func (x *Indexer) look(ctx context.Context) (err error) {
	defer recovered(&err)
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	if !x.adopted.Load() { // the database did not answer when this program started
		if err := x.Adopt(ctx); err != nil {
			return err
		}
	}
	left, err := x.o.Store.View(ctx).Behind()
	if err != nil {
		return err
	}
	x.seen.left(left.Pending, left.Failed)
	if left.Pending > 0 {
		return nil
	}
	var done store.Completion
	var complete bool
	err = x.o.Store.InTx(ctx, func(tx *store.Tx) (err error) {
		done, complete, err = tx.CompleteRecipe(x.recipe())
		return err
	})
	if complete && err == nil {
		x.o.Logger.LogAttrs(ctx, slog.LevelInfo, "indexer: every conversation is indexed with the current model; no vectors of other models remain",
			slog.String("model", x.recipe().Model), slog.Int("conversations", done.Conversations), slog.Duration("took", done.Took))
	}
	return err
}
