package store

import (
	"context"
	"io/fs"
)

// Migrate runs migrations of a test's own.
func (s *Store) Migrate(ctx context.Context, dir fs.FS) error {
	pool, err := s.write.DB()
	if err != nil {
		return err
	}
	provider, err := newProvider(s.dialect, pool, dir)
	if err != nil {
		return err
	}
	return upgrade(ctx, provider)
}

// VectorFault is what is said when pgvector cannot be added.
var VectorFault = vectorFault
