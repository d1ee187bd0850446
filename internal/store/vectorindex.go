package store

import (
	"context"

	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// VectorSpace is the vectors of one model in one workspace.
type VectorSpace = dialect.VectorSpace

// VectorIndex is an approximate index over one VectorSpace.
type VectorIndex = dialect.VectorIndex

// ExactLimit is the largest number of vectors that a search compares one by one.
func (s *Store) ExactLimit() int { return s.exactLimit }

// VectorIndexes returns the approximate indexes, including invalid ones.
func (s *Store) VectorIndexes(ctx context.Context) ([]VectorIndex, error) {
	indexer := s.database.Abilities().VectorIndexer
	if indexer == nil {
		return nil, nil
	}
	indexes, err := indexer.VectorIndexes(ctx)
	return indexes, s.fault(err)
}

// LargeSpaces returns the vector spaces that have more vectors than the limit and may
// have an index.
func (s *Store) LargeSpaces(ctx context.Context, above int) ([]VectorSpace, error) {
	indexer := s.database.Abilities().VectorIndexer
	if indexer == nil {
		return nil, nil
	}
	spaces, err := indexer.LargeSpaces(ctx, above)
	return spaces, s.fault(err)
}

// BuildVectorIndex builds the index of a space while the service continues. It takes
// minutes for a million vectors. A failed build leaves an invalid index: drop it and try
// again. It does nothing on a database without such indexes.
func (s *Store) BuildVectorIndex(ctx context.Context, space VectorSpace) error {
	indexer := s.database.Abilities().VectorIndexer
	if indexer == nil {
		return nil
	}
	return s.fault(indexer.BuildVectorIndex(ctx, space))
}

// DropVectorIndex removes an index while the service continues.
func (s *Store) DropVectorIndex(ctx context.Context, index VectorIndex) error {
	indexer := s.database.Abilities().VectorIndexer
	if indexer == nil {
		return nil
	}
	return s.fault(indexer.DropVectorIndex(ctx, index))
}
