package history

import (
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/lethe-chat/lethe/internal/fault"
)

// maxBuckets limits the memory of the limiter. A key has a bucket only while the bucket is not full, so this many
// keys would have to be busy at the same time to reach it.
const maxBuckets = 10_000

// rateLimiter is a token bucket for each key. It is nil when there is no limit.
type rateLimiter struct {
	perSecond rate.Limit
	burst     int
	now       func() time.Time

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

func newRateLimiter(perSecond float64, burst int, now func() time.Time) *rateLimiter {
	if perSecond <= 0 {
		return nil
	}
	return &rateLimiter{
		perSecond: rate.Limit(perSecond), burst: max(burst, 1), now: now,
		buckets: make(map[string]*rate.Limiter),
	}
}

// wait returns 0 when the key may continue, and otherwise how long it must wait.
func (l *rateLimiter) wait(key string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	bucket, ok := l.buckets[key]
	if !ok {
		if len(l.buckets) >= maxBuckets {
			l.evict(now)
		}
		bucket = rate.NewLimiter(l.perSecond, l.burst)
		l.buckets[key] = bucket
	}
	r := bucket.ReserveN(now, 1)
	delay := r.DelayFrom(now)
	if delay > 0 {
		r.CancelAt(now) // a refused request uses no token
	}
	return delay
}

// evict removes the full buckets, because a missing bucket counts as full. If none is full, it removes an arbitrary
// one.
func (l *rateLimiter) evict(now time.Time) {
	for key, bucket := range l.buckets {
		if bucket.TokensAt(now) >= float64(l.burst) {
			delete(l.buckets, key)
		}
	}
	for key := range l.buckets {
		if len(l.buckets) < maxBuckets {
			return
		}
		delete(l.buckets, key)
	}
}

// admit returns RateLimited when a key exceeds its rate, with the time to wait.
func (l *rateLimiter) admit(key string) error {
	if l == nil {
		return nil
	}
	delay := l.wait(key)
	if delay <= 0 {
		return nil
	}
	seconds := max(1, int(math.Ceil(delay.Seconds())))
	return &fault.Error{
		Kind: fault.RateLimited, RetryAfter: time.Duration(seconds) * time.Second,
		Message: fmt.Sprintf("too many requests with this key; try again in %d s", seconds),
	}
}
