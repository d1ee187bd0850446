package sqlite

import (
	"context"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// mergePages is how many pages of the full-text index one transaction merges:
// some tens of milliseconds, between which others write.
const mergePages = 500

// checkpointTries is how often readers of an old state are waited for, a second
// each, before the caller is told to come back.
const checkpointTries = 5

// Reclaim removes what the commits of the deletes have left: the words that the
// full-text index still keeps in older segments, until they are merged, and the old
// pages in the WAL, until it is truncated. The pages of deleted rows themselves were
// overwritten at the commit.
func (d *Database) Reclaim(ctx context.Context, full bool) error {
	for pages := -mergePages; ; pages = mergePages { // negative: begin with the segments of every level
		done, err := d.mergeWords(ctx, pages)
		if err != nil {
			return err
		}
		if done {
			break
		}
	}
	if full {
		if err := d.write.WithContext(ctx).Exec("VACUUM").Error; err != nil {
			return err
		}
	}
	return d.truncateWAL(ctx)
}

// mergeWords merges so many pages of the full-text index and reports whether
// nothing was left to merge. FTS5 says so by changing fewer than two rows.
func (d *Database) mergeWords(ctx context.Context, pages int) (done bool, err error) {
	ctx, cancel := d.config.Bounded(ctx)
	defer cancel()
	err = dialect.InTransaction(ctx, d.write, d, func(db *gorm.DB) error {
		var before, after int64
		if err := db.Raw("SELECT total_changes()").Scan(&before).Error; err != nil {
			return err
		}
		if err := db.Exec("INSERT INTO chunks_fts (chunks_fts, rank) VALUES ('merge', ?)", pages).Error; err != nil {
			return err
		}
		if err := db.Raw("SELECT total_changes()").Scan(&after).Error; err != nil {
			return err
		}
		done = after-before < 2
		return nil
	})
	return done, err
}

// truncateWAL copies the WAL into the database file and empties it. It waits for
// readers, but not long at a time: the one writer stands still meanwhile.
func (d *Database) truncateWAL(ctx context.Context) error {
	return d.write.WithContext(ctx).Connection(func(db *gorm.DB) error {
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
		return dialect.ErrReadersLeft
	})
}
