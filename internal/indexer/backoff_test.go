package indexer

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheBackOffDoublesUpToItsMost(t *testing.T) {
	for attempt, middle := range map[int]time.Duration{
		1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 7: 64 * time.Second, 8: 2 * time.Minute, 11: 2 * time.Minute, 1000: 2 * time.Minute,
	} {
		spread := map[time.Duration]bool{}
		for range 100 {
			d := backoff(attempt)
			require.GreaterOrEqual(t, d, middle*3/4, "attempt %d", attempt)
			require.LessOrEqual(t, d, middle*5/4, "attempt %d", attempt)
			spread[d] = true
		}
		require.Greater(t, len(spread), 50, "conversations that failed together must not all be retried together")
	}
}
