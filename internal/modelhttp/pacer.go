package modelhttp

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

const (
	firstDelay    = 500 * time.Millisecond
	maxDelay      = 8 * time.Second
	maxRetryAfter = 30 * time.Second // if a server asks for more, the request fails instead
)

// Pacer is the clock and the randomness of the waits between attempts. Its zero value
// is the real one; tests replace its parts.
type Pacer struct {
	Now    func() time.Time
	Jitter func() float64 // in [0, 1)
	Sleep  func(context.Context, time.Duration) error
}

func (p Pacer) withDefaults() Pacer {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Jitter == nil {
		p.Jitter = rand.Float64
	}
	if p.Sleep == nil {
		p.Sleep = wait
	}
	return p
}

// delay returns the wait before retry number n, counted from 0. It returns false when
// the server asks for a longer wait than a caller should be held.
func (p Pacer) delay(n int, header http.Header) (time.Duration, bool) {
	if asked, ok := p.retryAfter(header); ok {
		return asked, asked <= maxRetryAfter
	}
	whole := maxDelay
	if n < 4 { // later ones would be longer than maxDelay
		whole = firstDelay << n
	}
	// Half of it is random, so that many clients do not retry at the same time.
	return whole/2 + time.Duration(p.Jitter()*float64(whole/2)), true
}

// retryAfter reads the header's two forms: seconds, or an HTTP date.
func (p Pacer) retryAfter(header http.Header) (time.Duration, bool) {
	value := header.Get("Retry-After")
	if value == "" {
		return 0, false
	}
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil {
		if seconds > uint64(maxRetryAfter/time.Second) {
			return maxRetryAfter + time.Second, true
		}
		return time.Duration(seconds) * time.Second, true
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(p.Now())), true
	}
	return 0, false
}

// wait waits for d or until ctx ends, and then returns its error.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
