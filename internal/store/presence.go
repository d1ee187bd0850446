package store

import (
	"context"
	"slices"

	"gorm.io/gorm"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// nobody is the holder of claims of a program that cannot show that it is alive. Such a
// claim is taken over only after its lease ends.
const nobody = 0

// ShowAlive shows other programs on the database that this one is alive, until Close or until the program ends. Call
// it about every second: it does nothing while the sign exists, and renews it after its connection was lost. After an
// error, claims of this program have no holder.
func (s *Store) ShowAlive(ctx context.Context) error {
	ctx, cancel := s.config.Bounded(ctx)
	defer cancel()
	s.alive.Lock()
	defer s.alive.Unlock()
	if s.sign != nil && s.sign.Lost(ctx) {
		s.sign.Release()
		s.sign = nil
	}
	if s.sign == nil {
		s.holder.Store(nobody)
		sign, err := s.database.ShowAlive(ctx, s.instance)
		if err != nil {
			return s.fault(err)
		}
		s.sign = sign
		// Whoever replaces the key looks for programs that are alive, and did not see this one.
		if err := s.rereadKey(ctx); err != nil {
			return err
		}
	}
	s.holder.Store(s.instance)
	return nil
}

// hide removes the sign that ShowAlive has given.
func (s *Store) hide() {
	s.alive.Lock()
	defer s.alive.Unlock()
	s.holder.Store(nobody)
	if s.sign != nil {
		s.sign.Release()
		s.sign = nil
	}
}

// EndedHolders returns the holders of claims whose programs have ended. A program whose
// connection broke has time to show that it is alive, so the call may take a few seconds
// when some program seems to have ended.
func (s *Store) EndedHolders(ctx context.Context) ([]int64, error) {
	ctx, cancel := s.config.Bounded(ctx)
	defer cancel()
	holders, err := s.View(ctx).holders()
	if err != nil {
		return nil, err
	}
	holders = slices.DeleteFunc(holders, func(n int64) bool { return n == s.instance })
	if len(holders) == 0 {
		return nil, nil
	}
	ended, err := s.database.Ended(ctx, holders)
	return ended, s.fault(err)
}

// holders returns the holders that claims name.
func (v *View) holders() ([]int64, error) {
	var holders []int64
	err := v.db.Model(&dialect.ConversationRow{}).Where("holder > 0").Distinct().Pluck("holder", &holders).Error
	return holders, v.fault(err)
}

// TakeClaimsBack makes the claims of ended holders due again, and returns how many. The
// interrupted attempts count.
func (tx *Tx) TakeClaimsBack(holders []int64) (int, error) {
	if len(holders) == 0 {
		return 0, nil
	}
	res := tx.db.Model(&dialect.ConversationRow{}).
		Where("holder > 0 AND holder IN ? AND (index_state = ? OR index_state = ? AND run_after > ?)",
			holders, string(chat.Indexing), string(chat.Ready), dialect.Micros(tx.now)).
		Updates(map[string]any{
			"holder":      nobody,
			"run_after":   dialect.Micros(tx.now),
			"index_state": gorm.Expr("CASE WHEN index_state = ? THEN ? ELSE index_state END", string(chat.Indexing), string(chat.Queued)),
		})
	return int(res.RowsAffected), tx.fault(res.Error)
}
