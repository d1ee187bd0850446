package upkeep

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// program is one of several programs that can do the upkeep.
type program struct {
	stop    context.CancelFunc
	stopped chan struct{}
}

func start(t *testing.T, db storetest.Database, name string) program {
	t.Helper()
	s := db.With(t, "application_name", name).Open(t)
	ctx, cancel := context.WithCancel(context.Background())
	p := program{stop: cancel, stopped: make(chan struct{})}
	go func() {
		defer close(p.stopped)
		New(Options{Store: s, Every: 20 * time.Millisecond}).Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-p.stopped })
	return p
}

// held selects the sessions that have the leader's lock. The lower half of the lock's number is "ethe" in ASCII.
const held = `FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
	WHERE l.locktype = 'advisory' AND l.objid = 1702127717 AND l.granted AND a.datname = current_database()`

// leads waits until the named program is the leader, and checks that no other is.
func leads(t *testing.T, db storetest.Database, name string) {
	t.Helper()
	require.Eventually(t, func() bool {
		require.LessOrEqual(t, db.Count(t, "SELECT count(*) "+held), 1, "one leads at a time")
		return db.Count(t, "SELECT count(*) "+held+" AND a.application_name = $1", name) == 1
	}, 20*time.Second, 10*time.Millisecond)
}

// Leadership moves to another program when the leader stops or loses its connection. There
// are never two leaders.
func TestLeadershipMoves(t *testing.T) {
	t.Parallel()
	storetest.OnPostgres(t, leadershipMoves)
}

func leadershipMoves(t *testing.T) {
	t.Parallel()
	db := storetest.New(t, storetest.Postgres)
	first := start(t, db, "first")
	leads(t, db, "first")
	start(t, db, "second")
	first.stop()
	<-first.stopped
	leads(t, db, "second")

	third := start(t, db, "third")
	for range 3 {
		require.Equal(t, 1, db.Count(t, "SELECT count(pg_terminate_backend(l.pid)) "+held))
		require.Eventually(t, func() bool {
			n := db.Count(t, "SELECT count(*) "+held)
			require.LessOrEqual(t, n, 1)
			return n == 1
		}, 20*time.Second, 10*time.Millisecond)
	}
	third.stop()
	<-third.stopped
	leads(t, db, "second")
}
