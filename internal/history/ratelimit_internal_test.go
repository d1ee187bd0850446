package history

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRateLimiterForgetsIdleKeys(t *testing.T) {
	now := time.Unix(0, 0)
	l := newRateLimiter(1, 1, func() time.Time { return now })
	for i := range maxBuckets {
		require.Zero(t, l.wait(strconv.Itoa(i)))
	}
	require.Equal(t, time.Second, l.wait("0"), "its one request is spent")
	require.Zero(t, l.wait("one more"))
	require.LessOrEqual(t, len(l.buckets), maxBuckets, "even when every key is busy")
	now = now.Add(time.Second)
	require.Zero(t, l.wait("another"))
	require.Len(t, l.buckets, 1, "full buckets are as good as none")
}

func TestNoRateLimitByDefault(t *testing.T) {
	l := newRateLimiter(0, 5, time.Now)
	require.Nil(t, l)
	for range 100 {
		require.NoError(t, l.admit("k"))
	}
}
