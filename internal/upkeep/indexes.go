package upkeep

import (
	"context"
	"time"

	"github.com/lethe-chat/lethe/internal/store"
)

// plan compares the vector indexes that exist with those that are needed.
func (u *Upkeep) plan(ctx context.Context) (indexPlan, error) {
	limit := u.o.Store.ExactLimit()
	// An index is kept until its workspace is well below the limit. Otherwise the
	// index of a workspace near the limit would be built again and again.
	spaces, err := u.o.Store.LargeSpaces(ctx, limit/2)
	if err != nil {
		return indexPlan{}, err
	}
	indexes, err := u.o.Store.VectorIndexes(ctx)
	if err != nil {
		return indexPlan{}, err
	}
	u.seen.saw(indexes)
	return planIndexes(spaces, indexes, limit), nil
}

func (u *Upkeep) drop(ctx context.Context, indexes []store.VectorIndex) error {
	for _, index := range indexes {
		u.o.Logger.Info("upkeep: dropping a vector index", "index", index.Name, "valid", index.Valid)
		if err := u.o.Store.DropVectorIndex(ctx, index); err != nil {
			return err
		}
	}
	return nil
}

func (u *Upkeep) build(ctx context.Context, spaces []store.VectorSpace) error {
	for _, space := range spaces {
		started := time.Now()
		u.o.Logger.Info("upkeep: building a vector index", "workspace_id", int64(space.Workspace), "vectors", space.Vectors)
		if err := u.o.Store.BuildVectorIndex(ctx, space); err != nil {
			return err
		}
		u.seen.built(time.Since(started))
		u.o.Logger.Info("upkeep: built a vector index", "workspace_id", int64(space.Workspace), "took", time.Since(started))
	}
	return nil
}
