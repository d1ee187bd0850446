package sqlite

import (
	"context"
	"errors"
	"time"

	"github.com/ncruces/go-sqlite3"
	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// mergePages is how many pages of the full-text index one transaction merges. This blocks
// writers for about 15 ms. 500 pages would block them for 70 ms, and would not be faster.
const mergePages = 60

// Reclaim removes what the commits of deletes left: the words that the full-text index
// keeps in older segments until they are merged, and the old pages in the WAL until it
// is truncated. The pages of deleted rows were overwritten at the commit.
func (d *Database) Reclaim(ctx context.Context, how dialect.Reclaiming) error {
	for pages := -mergePages; ; pages = mergePages { // negative: begin with the segments of every level
		if err := how.Rest(ctx); err != nil {
			return err
		}
		done, err := d.mergeWords(ctx, pages)
		if errors.Is(err, sqlite3.FULL) { // the log's room may be all that is missing
			return errors.Join(err, d.truncateWAL(ctx))
		}
		if err != nil {
			return err
		}
		if done {
			break
		}
	}
	if how.Full {
		if err := d.write.WithContext(ctx).Exec("VACUUM").Error; err != nil {
			return err
		}
	}
	return d.truncateWAL(ctx)
}

// mergeWords merges this many pages of the full-text index and reports whether nothing was left to merge. FTS5 shows
// that by changing fewer than two rows.
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

// How long a reclaim waits for readers of an old state, and how long one attempt to
// truncate the WAL may block writers.
const (
	readersPatience  = 5 * time.Second
	readersPoll      = 50 * time.Millisecond
	truncatePatience = "busy_timeout = 5"
)

// truncateWAL copies the WAL into the database file and empties it. Passive checkpoints
// do the copying and block nobody. Only the last step needs the file without writers and
// without readers of an old state.
func (d *Database) truncateWAL(ctx context.Context) error {
	ctx, cancel := d.config.Bounded(ctx)
	defer cancel()
	return d.read.WithContext(ctx).Connection(func(db *gorm.DB) error {
		if err := db.Exec("PRAGMA " + truncatePatience).Error; err != nil {
			return err
		}
		defer db.WithContext(context.WithoutCancel(ctx)).Exec("PRAGMA " + busyTimeout)
		end := time.NewTimer(readersPatience)
		defer end.Stop()
		for {
			copied, err := checkpoint(db, "PRAGMA wal_checkpoint(PASSIVE)")
			if err != nil {
				return err
			}
			if copied {
				if emptied, err := checkpoint(db, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil || emptied {
					return err
				}
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-end.C:
				return dialect.ErrReadersLeft
			case <-time.After(readersPoll):
			}
		}
	})
}

// checkpoint runs a checkpoint and reports whether it did everything: all of the WAL
// is in the database file, and after TRUNCATE the WAL is empty.
func checkpoint(db *gorm.DB, statement string) (done bool, err error) {
	var busy, pages, copied int
	if err := db.Raw(statement).Row().Scan(&busy, &pages, &copied); err != nil {
		return false, err
	}
	return busy == 0 && pages == copied, nil
}
