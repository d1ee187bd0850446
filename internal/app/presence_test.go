package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app/apptest"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// longLease is longer than any test waits, and short enough not to look like the effect
// of a wrong clock.
const longLease = 9 * time.Minute

// Another program indexes the conversations of a killed one at once, without waiting for
// the lease.
func TestClaimsOfAKilledProgramAreDueAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		p, gate, id := begun(t, db, apptest.WithLease(longLease))
		p.Die(t)
		gate.Open()
		next := apptest.Start(t, db, apptest.WithLease(longLease))
		next.Ready(t, id)
		require.Equal(t, []string{id}, next.Finds(t, "snarkfeld"))
		require.Empty(t, db.Damage(t))
	})
}

// The same if the other program is already running, which both databases allow.
func TestARunningProgramTakesTheClaimsOfAKilledOne(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db storetest.Database) {
		p, gate, id := begun(t, db, apptest.WithLease(longLease), apptest.WithEnv("LETHE_INDEX_WORKERS=1"))
		counting := newTally()
		other := apptest.Start(t, db, apptest.WithLease(longLease), apptest.WithEmbedder(counting))
		other.Ready(t, other.Upload(t, "new", "the wobbelring is yours", "so it is"))
		for text := range counting.texts() {
			require.NotContains(t, text, "snarkfeld", "a running program keeps its claims")
		}
		p.Die(t)
		gate.Open()
		other.Ready(t, id)
		require.Empty(t, db.Damage(t))
	})
}
