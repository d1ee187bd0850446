package store_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

func cancelled() (context.Context, context.CancelFunc) {
	gone, cancel := context.WithCancel(ctx)
	cancel()
	return gone, cancel
}

func TestACanceledContextIsACanceledFault(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		ws := workspace(t, s, "w")
		gone, cancel := cancelled()
		defer cancel()
		_, read := s.View(gone).Count(ws)
		for name, err := range map[string]error{
			"a read":     read,
			"a write":    s.InTx(gone, func(*store.Tx) error { return nil }),
			"a snapshot": s.Snapshot(gone, func(*store.View) error { return nil }),
			"a ping":     s.Ping(gone),
		} {
			require.True(t, fault.Is(err, fault.Canceled), "%s: %v", name, err)
			require.ErrorIs(t, err, context.Canceled, name)
		}
	})
}

// A caller that cancels between the last statement and the commit gets that error,
// whether the transaction is already rolled back or not.
func TestGoingAwayBeforeTheCommitIsACanceledFault(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		for _, run := range []func(context.Context, func()) error{
			func(ctx context.Context, last func()) error {
				return s.InTx(ctx, func(*store.Tx) error { last(); return nil })
			},
			func(ctx context.Context, last func()) error {
				return s.Snapshot(ctx, func(*store.View) error { last(); return nil })
			},
		} {
			for _, undone := range []bool{false, true} {
				soon, cancel := context.WithCancel(ctx)
				err := run(soon, func() {
					cancel()
					for undone && inUse(s) > 0 { // its connection goes back to the pool
						runtime.Gosched()
					}
				})
				require.True(t, fault.Is(err, fault.Canceled), "%v", err)
			}
		}
	})
}

func inUse(s *store.Store) (n int) {
	for _, pool := range store.Pools(s) {
		n += pool.Stats().InUse
	}
	return n
}

// endless is a query that runs for hours on both databases.
const endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) SELECT count(*) FROM n"

func TestADeadlineEndsALongStatement(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s := db.Open(t)
		count := func(v *store.View) error {
			var n int
			return store.FaultOf(v, store.Handle(v).Raw(endless).Scan(&n).Error)
		}
		for name, run := range map[string]func(context.Context) error{
			"a read":     func(ctx context.Context) error { return count(s.View(ctx)) },
			"a snapshot": func(ctx context.Context) error { return s.Snapshot(ctx, count) },
			"a write": func(ctx context.Context) error {
				return s.InTx(ctx, func(tx *store.Tx) error { return count(&tx.View) })
			},
		} {
			soon, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			err := run(soon)
			cancel()
			require.True(t, fault.Is(err, fault.Canceled), "%s: %v", name, err)
		}
		workspace(t, s, "the connections are good for more")
	})
}

// A caller that cancels while it waits for another writer returns at once, whether that
// writer is in the same program or another.
func TestWaitingForAnotherWriterEndsWithTheContext(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		s, other := db.Open(t), db.Open(t)
		ws := workspace(t, s, "w")
		c := added(t, s, ws, "x", "text")
		held, release := make(chan struct{}), make(chan struct{})
		writer := make(chan error, 1)
		go func() {
			writer <- s.InTx(ctx, func(tx *store.Tx) error {
				_, _, err := tx.LockByExternalID(ws, c.Platform, c.ExternalID)
				close(held)
				<-release
				return err
			})
		}()
		<-held
		for _, waiting := range []*store.Store{s, other} {
			soon, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			err := waiting.InTx(soon, func(tx *store.Tx) error {
				_, _, err := tx.DeleteConversations(ws, []chat.ConversationID{c.ID}, chat.DeleteOptions{})
				return err
			})
			cancel()
			require.True(t, fault.Is(err, fault.Canceled), "%v", err)
		}
		close(release)
		require.NoError(t, <-writer)
		n, err := s.View(ctx).Count(ws)
		require.NoError(t, err)
		require.Equal(t, 1, n)
	})
}

// The database's error text is in the log and not in the caller's error.
func TestAnErrorOfTheDatabaseStaysInside(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		v := db.Open(t).View(ctx)
		err := store.FaultOf(v, store.Handle(v).Exec("SELECT secret FROM nowhere").Error)
		require.True(t, fault.Is(err, fault.Internal))
		require.Contains(t, err.Error(), "nowhere")
		require.NotContains(t, fault.Message(err), "nowhere")

		known := fault.Invalidf("not a database's error")
		require.Same(t, known, store.FaultOf(v, known))
		require.NoError(t, store.FaultOf(v, nil))
		require.True(t, fault.Is(store.FaultOf(v, errors.New("surprise")), fault.Internal))
	})
}
