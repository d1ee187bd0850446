package store

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// Unreclaimed sums up the deletes whose storage has not been reclaimed yet.
type Unreclaimed struct {
	Deletes int
	Rows    int64 // messages and chunks that they took
	Oldest  time.Time
}

// Unreclaimed tells what is left to reclaim, over all workspaces.
func (s *Store) Unreclaimed(ctx context.Context) (Unreclaimed, error) {
	n, rows, oldest, err := s.unreclaimed(s.read.WithContext(ctx))
	return Unreclaimed{Deletes: n, Rows: rows, Oldest: oldest}, s.fault(err)
}

// Reclaim overwrites what deletes have left behind in the storage, as far as the
// database can, and writes into the receipts of those deletes that it has. full
// also rewrites the tables, which blocks everybody while it lasts, and leaves
// nothing in their files that is not in their rows. It returns how many receipts
// it settled.
func (s *Store) Reclaim(ctx context.Context, full bool) (int, error) {
	began := micros(s.now())
	if err := s.dialect.reclaim(ctx, s, full); err != nil {
		return 0, s.fault(err)
	}
	settled := 0
	err := s.InTx(ctx, func(tx *Tx) error {
		res := tx.db.Model(&deletionRow{}).Where("reclaimed_at IS NULL AND deleted_at <= ?", began).Update("reclaimed_at", micros(tx.now))
		settled = int(res.RowsAffected)
		return res.Error
	})
	return settled, err
}

// mergePages is how many pages of the full-text index one transaction merges:
// some tens of milliseconds, between which others write.
const mergePages = 500

// checkpointTries is how often readers of an old state are waited for, a second
// each, before the caller is told to come back.
const checkpointTries = 5

// reclaim: the pages of deleted rows were overwritten at the commit. What is left
// is the words that the full-text index still keeps in older segments, until they
// are merged, and the old pages in the WAL, until it is truncated.
func (sqliteDialect) reclaim(ctx context.Context, s *Store, full bool) error {
	for pages := -mergePages; ; pages = mergePages { // negative: begin with the segments of every level
		done, err := s.mergeWords(ctx, pages)
		if err != nil {
			return err
		}
		if done {
			break
		}
	}
	if full {
		if err := s.write.WithContext(ctx).Exec("VACUUM").Error; err != nil {
			return err
		}
	}
	return s.truncateWAL(ctx)
}

// mergeWords merges so many pages of the full-text index and reports whether
// nothing was left to merge. FTS5 says so by changing fewer than two rows.
func (s *Store) mergeWords(ctx context.Context, pages int) (done bool, err error) {
	err = s.InTx(ctx, func(tx *Tx) error {
		var before, after int64
		if err := tx.db.Raw("SELECT total_changes()").Scan(&before).Error; err != nil {
			return err
		}
		if err := tx.db.Exec("INSERT INTO chunks_fts (chunks_fts, rank) VALUES ('merge', ?)", pages).Error; err != nil {
			return err
		}
		if err := tx.db.Raw("SELECT total_changes()").Scan(&after).Error; err != nil {
			return err
		}
		done = after-before < 2
		return nil
	})
	return done, err
}

// truncateWAL copies the WAL into the database file and empties it. It waits for
// readers, but not long at a time: the one writer stands still meanwhile.
func (s *Store) truncateWAL(ctx context.Context) error {
	return s.write.WithContext(ctx).Connection(func(db *gorm.DB) error {
		if err := db.Exec("PRAGMA busy_timeout = 1000").Error; err != nil {
			return err
		}
		defer db.WithContext(context.WithoutCancel(ctx)).Exec("PRAGMA " + busyTimeout)
		var busy, pages, moved int
		for range checkpointTries {
			if err := db.Raw("PRAGMA wal_checkpoint(TRUNCATE)").Row().Scan(&busy, &pages, &moved); err != nil {
				return err
			}
			if busy == 0 {
				return nil
			}
		}
		return errReadersLeft
	})
}
