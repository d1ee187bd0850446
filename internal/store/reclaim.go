package store

import (
	"context"
	"maps"
	"slices"
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

// ReclaimIsCheap reports whether the cost of Reclaim follows what was deleted, so that
// it pays after every delete. Otherwise it reads whole tables.
func (s *Store) ReclaimIsCheap() bool { return s.database.Abilities().CheapReclaim }

// Reclaiming says how Reclaim works.
type Reclaiming = dialect.Reclaiming

// Reclaim overwrites what deletes left behind in the storage, as far as the database
// can, and writes into their receipts that it did. The receipts are those that existed
// when it began. It returns how many it settled. Unavailable, and no receipt settled,
// when somebody still reads the database as it was before the deletes.
func (s *Store) Reclaim(ctx context.Context, how Reclaiming) (int, error) {
	receipts, err := s.unsettled(ctx)
	if err != nil {
		return 0, err
	}
	if err := s.sweep(ctx, receipts); err != nil {
		return 0, err
	}
	if err := s.database.Reclaim(ctx, how); err != nil {
		return 0, s.fault(err)
	}
	return s.settle(ctx, receipts)
}

// sweep deletes what deletes at the same time can leave in the workspaces of the
// receipts, on a database with several writers.
func (s *Store) sweep(ctx context.Context, receipts []receiptID) error {
	if s.database.Abilities().Leader == nil {
		return nil // one program, one writer
	}
	workspaces := make([]int64, len(receipts))
	for i, r := range receipts {
		workspaces[i] = r.WorkspaceID
	}
	slices.Sort(workspaces)
	return s.InTx(ctx, func(tx *Tx) error {
		for _, ws := range slices.Compact(workspaces) {
			for _, statement := range emptied {
				if err := tx.db.Exec(statement, ws).Error; err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// receiptID names a receipt.
type receiptID struct {
	WorkspaceID int64
	ID          string
}

// unsettled returns the receipts whose storage is not reclaimed. Their deletes are
// committed, so what begins now sees none of the deleted rows. Clocks say nothing
// about that: those of several programs differ.
func (s *Store) unsettled(ctx context.Context) ([]receiptID, error) {
	var receipts []receiptID
	err := s.read(ctx).Model(&deletionRow{}).Select("workspace_id", "id").Where("reclaimed_at IS NULL").Order("workspace_id, id").Find(&receipts).Error
	return receipts, s.fault(err)
}

// settleBatch is how many receipts one transaction settles.
const settleBatch = 500

// settle writes into the receipts that their storage is reclaimed.
func (s *Store) settle(ctx context.Context, receipts []receiptID) (settled int, err error) {
	for batch := range slices.Chunk(receipts, settleBatch) {
		byWorkspace := map[int64][]string{}
		for _, r := range batch {
			byWorkspace[r.WorkspaceID] = append(byWorkspace[r.WorkspaceID], r.ID)
		}
		n := 0
		err := s.InTx(ctx, func(tx *Tx) error {
			n = 0
			for _, ws := range slices.Sorted(maps.Keys(byWorkspace)) {
				res := tx.db.Model(&deletionRow{}).Where("workspace_id = ? AND id IN ? AND reclaimed_at IS NULL", ws, byWorkspace[ws]).
					Update("reclaimed_at", dialect.Micros(tx.now))
				if res.Error != nil {
					return res.Error
				}
				n += int(res.RowsAffected)
			}
			return nil
		})
		settled += n
		if err != nil {
			return settled, err
		}
	}
	return settled, nil
}
