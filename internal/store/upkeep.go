package store

import (
	"context"

	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// Leadership is the right of one program to do the upkeep of a database that
// several share.
type Leadership = dialect.Leadership

// Lead asks for the leadership; false when another program has it. It is always
// granted where the database has no Leader, because no program shares its upkeep.
func (s *Store) Lead(ctx context.Context) (Leadership, bool, error) {
	leader := s.database.Abilities().Leader
	if leader == nil {
		return soleLeadership{}, true, nil
	}
	leadership, ok, err := leader.Lead(ctx)
	return leadership, ok, s.fault(err)
}

// soleLeadership is the leadership on a database that only one program keeps up.
type soleLeadership struct{}

func (soleLeadership) Lost(context.Context) bool { return false }
func (soleLeadership) Release()                  {}

// Exclusively runs one piece of upkeep: a reclaim, or work on vector indexes. It waits
// until nobody else does upkeep, neither another program on the database nor another call
// of this store. The errors are those of fn and of the store; Canceled when ctx ends
// first.
func (s *Store) Exclusively(ctx context.Context, fn func(context.Context) error) error {
	select {
	case s.upkeep <- struct{}{}:
		defer func() { <-s.upkeep }()
	case <-ctx.Done():
		return ctx.Err()
	}
	leader := s.database.Abilities().Leader
	if leader == nil {
		return fn(ctx)
	}
	return s.fault(leader.Exclusively(ctx, fn))
}
