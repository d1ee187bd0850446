package store

import (
	"context"

	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// VectorSpace is the vectors that one workspace has of one model.
type VectorSpace = dialect.VectorSpace

// VectorIndex is an approximate index over one VectorSpace.
type VectorIndex = dialect.VectorIndex

// ExactLimit is how many vectors this store's searches compare one by one.
func (s *Store) ExactLimit() int { return s.exactLimit }

// VectorIndexes lists the approximate indexes, unusable ones included.
func (s *Store) VectorIndexes(ctx context.Context) ([]VectorIndex, error) {
	indexer := s.database.Abilities().VectorIndexer
	if indexer == nil {
		return nil, nil
	}
	indexes, err := indexer.VectorIndexes(ctx)
	return indexes, s.fault(err)
}

// LargeSpaces lists the vector spaces that have more than so many vectors and may
// have an index.
func (s *Store) LargeSpaces(ctx context.Context, above int) ([]VectorSpace, error) {
	indexer := s.database.Abilities().VectorIndexer
	if indexer == nil {
		return nil, nil
	}
	spaces, err := indexer.LargeSpaces(ctx, above)
	return spaces, s.fault(err)
}

// BuildVectorIndex builds the index of a space while the service goes on. It
// takes minutes for a million vectors. A build that fails leaves an index that is
// not valid: drop it and try again. It does nothing where LargeSpaces lists none.
func (s *Store) BuildVectorIndex(ctx context.Context, space VectorSpace) error {
	indexer := s.database.Abilities().VectorIndexer
	if indexer == nil {
		return nil
	}
	return s.fault(indexer.BuildVectorIndex(ctx, space))
}

// DropVectorIndex removes an index while the service goes on.
func (s *Store) DropVectorIndex(ctx context.Context, index VectorIndex) error {
	indexer := s.database.Abilities().VectorIndexer
	if indexer == nil {
		return nil
	}
	return s.fault(indexer.DropVectorIndex(ctx, index))
}
