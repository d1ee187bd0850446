package store

import (
	"context"
	"time"

	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Unreclaimed sums up the deletes whose storage has not been reclaimed yet.
type Unreclaimed struct {
	Deletes int
	Rows    int64 // messages and chunks that they took
	Oldest  time.Time
}

// Unreclaimed tells what is left to reclaim, over all workspaces.
func (s *Store) Unreclaimed(ctx context.Context) (Unreclaimed, error) {
	n, rows, oldest, err := s.unreclaimed(s.read(ctx))
	return Unreclaimed{Deletes: n, Rows: rows, Oldest: oldest}, s.fault(err)
}

// Reclaim overwrites what deletes have left behind in the storage, as far as the
// database can, and writes into the receipts of those deletes that it has. full
// also rewrites the tables, which blocks everybody while it lasts, and leaves
// nothing in their files that is not in their rows. It returns how many receipts
// it settled.
func (s *Store) Reclaim(ctx context.Context, full bool) (int, error) {
	began := dialect.Micros(s.config.Now())
	if err := s.database.Reclaim(ctx, full); err != nil {
		return 0, s.fault(err)
	}
	settled := 0
	err := s.InTx(ctx, func(tx *Tx) error {
		res := tx.db.Model(&deletionRow{}).Where("reclaimed_at IS NULL AND deleted_at <= ?", began).Update("reclaimed_at", dialect.Micros(tx.now))
		settled = int(res.RowsAffected)
		return res.Error
	})
	return settled, err
}
