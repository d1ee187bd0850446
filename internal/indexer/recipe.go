package indexer

import (
	"context"
	"log/slog"
	"time"

	"github.com/lethe-chat/lethe/internal/store"
)

// PassagesVersion is raised when the same conversation gives other chunks, or the
// same chunk other terms: when package chunker changes, or the analyzer in package
// text. Every conversation is then re-indexed in the background. A test knows what
// the present version gives. Version 3 gives the same texts as version 2, and their
// parts.
const PassagesVersion = 3

// recipe is how this program makes what search sees.
func (x *Indexer) recipe() store.Recipe {
	return store.Recipe{Model: x.o.Embedder.Model().ID, Passages: PassagesVersion}
}

// Adopt makes this program's embedder and its way of cutting texts the current ones
// of the database: of several programs, those of the last one that started. What
// was made otherwise is made anew by those that work as the last one does; the others
// go on with new uploads alone. Run does it too, when it was not done before.
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
		x.o.Logger.Info("indexer: what could not be indexed is tried again, because a setting of the embedder has changed", "conversations", adopted.Requeued)
	}
	if adopted.Changed && adopted.Conversations > 0 {
		x.o.Logger.Info("indexer: conversations are indexed anew in the background, because the model or the way of cutting texts has changed",
			"conversations", adopted.Conversations, "model", recipe.Model, "before", adopted.Before.Model,
			"passages", recipe.Passages, "passages_before", adopted.Before.Passages)
	}
	return nil
}

// follow watches how far a change of model is, until ctx ends, and tells when it is
// complete.
func (x *Indexer) follow(ctx context.Context) {
	ticker := time.NewTicker(followPolls * x.o.Poll)
	defer ticker.Stop()
	for {
		if err := x.look(ctx); err != nil && ctx.Err() == nil {
			x.o.Logger.Warn("indexer: how far the change of the model is cannot be told at the moment", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-x.idle:
		}
	}
}

// followPolls is how many polls lie between two looks at the progress, which counts
// all that is left to do.
const followPolls = 5

func (x *Indexer) look(ctx context.Context) (err error) {
	defer recovered(&err)
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	if !x.adopted.Load() { // the database was away when this program started
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
		x.o.Logger.LogAttrs(ctx, slog.LevelInfo, "indexer: every conversation is indexed with the current model, nothing of another one is left",
			slog.String("model", x.recipe().Model), slog.Int("conversations", done.Conversations), slog.Duration("took", done.Took))
	}
	return err
}
