package store

import (
	"context"

	"github.com/lethe-chat/lethe/internal/chat"
)

// DefaultExactLimit is how many vectors a search compares one by one on PostgreSQL. Above it an
// index over the workspace's own vectors is worth what it costs; below, comparing
// is as quick, and always right.
const DefaultExactLimit = 20_000

// VectorSpace is the vectors that one workspace has of one model.
type VectorSpace struct {
	Workspace  chat.WorkspaceID
	Model      string
	Dimensions int
	Vectors    int
}

// VectorIndex is an approximate index over one VectorSpace.
type VectorIndex struct {
	VectorSpace
	Name     string // of the index in the database
	Table    string // the table, or the partition, that it lies on
	Valid    bool   // searches may use it
	Building bool   // some program is building it at this moment
	Bytes    int64
}

// Leadership is the right of one program to do the maintenance of a database
// that several share. It ends with Release, with the program, or with the
// connection that holds it.
type Leadership interface {
	// Lost reports whether the connection, and so the right, is gone.
	Lost(ctx context.Context) bool
	Release()
}

// upkeep is what a database needs done in the background. The embedded one needs
// none of it: its searches are exact and its file is its own.
type upkeep interface {
	lead(ctx context.Context, s *Store) (Leadership, bool, error)
	vectorIndexes(ctx context.Context, s *Store) ([]VectorIndex, error)
	largeSpaces(ctx context.Context, s *Store, above int) ([]VectorSpace, error)
	buildVectorIndex(ctx context.Context, s *Store, space VectorSpace) error
	dropVectorIndex(ctx context.Context, s *Store, index VectorIndex) error
	reclaim(ctx context.Context, s *Store, full bool) error
}

// Lead asks for the right to do the maintenance; false when another program has
// it. On SQLite it is always granted.
func (s *Store) Lead(ctx context.Context) (Leadership, bool, error) {
	l, ok, err := s.dialect.lead(ctx, s)
	return l, ok, s.fault(err)
}

// ExactLimit is how many vectors this store's searches compare one by one.
func (s *Store) ExactLimit() int { return s.exactLimit }

// VectorIndexes lists the approximate indexes, unusable ones included.
func (s *Store) VectorIndexes(ctx context.Context) ([]VectorIndex, error) {
	indexes, err := s.dialect.vectorIndexes(ctx, s)
	return indexes, s.fault(err)
}

// LargeSpaces lists the vector spaces with more than so many vectors.
func (s *Store) LargeSpaces(ctx context.Context, above int) ([]VectorSpace, error) {
	spaces, err := s.dialect.largeSpaces(ctx, s, above)
	return spaces, s.fault(err)
}

// BuildVectorIndex builds the index of a space while the service goes on. It
// takes minutes for a million vectors. A build that fails leaves an index that is
// not valid: drop it and try again.
func (s *Store) BuildVectorIndex(ctx context.Context, space VectorSpace) error {
	return s.fault(s.dialect.buildVectorIndex(ctx, s, space))
}

// DropVectorIndex removes an index while the service goes on.
func (s *Store) DropVectorIndex(ctx context.Context, index VectorIndex) error {
	return s.fault(s.dialect.dropVectorIndex(ctx, s, index))
}

// alwaysLeader is the leadership of a database that only one program maintains.
type alwaysLeader struct{}

func (alwaysLeader) Lost(context.Context) bool { return false }
func (alwaysLeader) Release()                  {}

func (sqliteDialect) lead(context.Context, *Store) (Leadership, bool, error) {
	return alwaysLeader{}, true, nil
}

func (sqliteDialect) vectorIndexes(context.Context, *Store) ([]VectorIndex, error) { return nil, nil }

func (sqliteDialect) largeSpaces(context.Context, *Store, int) ([]VectorSpace, error) {
	return nil, nil
}

func (sqliteDialect) buildVectorIndex(context.Context, *Store, VectorSpace) error { return nil }

func (sqliteDialect) dropVectorIndex(context.Context, *Store, VectorIndex) error { return nil }
