package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Unreclaimed sums up the deletes whose storage has not been reclaimed.
type Unreclaimed struct {
	Deletes int
	Rows    int64 // messages and chunks that they deleted
	Oldest  time.Time
}

// Unreclaimed returns what is left to reclaim in all workspaces.
func (s *Store) Unreclaimed(ctx context.Context) (Unreclaimed, error) {
	n, rows, oldest, err := s.unreclaimed(s.read(ctx))
	return Unreclaimed{Deletes: n, Rows: rows, Oldest: oldest}, s.fault(err)
}

// ReclaimIsCheap reports whether Reclaim costs as much as what was deleted, so that it is
// worth running after every delete. Otherwise it reads whole tables.
func (s *Store) ReclaimIsCheap() bool { return s.database.Abilities().CheapReclaim }

// Reclaiming says how Reclaim works.
type Reclaiming = dialect.Reclaiming

// Reclaim overwrites the storage of deleted data, as far as the database can, and settles the receipts that existed
// when it began. It returns how many it settled. It returns Unavailable, and settles none, when a transaction still
// reads a state from before the deletes.
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

// sweep deletes the unused rows that concurrent deletes can leave in the workspaces of
// the receipts. Only databases with several writers need it.
func (s *Store) sweep(ctx context.Context, receipts []receiptID) error {
	if s.database.Abilities().Leader == nil {
		return nil // one program, one writer
	}
	workspaces := make([]int64, len(receipts))
	for i, r := range receipts {
		workspaces[i] = r.WorkspaceID
	}
	slices.Sort(workspaces)
	return s.InDeletingTx(ctx, func(tx *Tx) error {
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

// receiptID identifies a receipt.
type receiptID struct {
	WorkspaceID int64
	ID          string
}

// unsettled returns the receipts whose storage is not reclaimed. Their deletes are
// committed, so a reclaim that begins now sees none of the deleted rows. It compares no
// times, because the clocks of several programs differ.
func (s *Store) unsettled(ctx context.Context) ([]receiptID, error) {
	var receipts []receiptID
	err := s.read(ctx).Model(&deletionRow{}).Select("workspace_id", "id").Where("reclaimed_at IS NULL").Order("workspace_id, id").Find(&receipts).Error
	return receipts, s.fault(err)
}

// settleBatch is how many receipts one transaction updates.
const settleBatch = 500

// settle records in the receipts that their storage is reclaimed.
func (s *Store) settle(ctx context.Context, receipts []receiptID) (settled int, err error) {
	for batch := range slices.Chunk(receipts, settleBatch) {
		byWorkspace := map[int64][]string{}
		for _, r := range batch {
			byWorkspace[r.WorkspaceID] = append(byWorkspace[r.WorkspaceID], r.ID)
		}
		n := 0
		err := s.InDeletingTx(ctx, func(tx *Tx) error {
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
