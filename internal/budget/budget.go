// Package budget limits the memory that requests may hold. Large bodies and large answers
// count with the memory they need. A request that would exceed the budget waits a moment
// and is then told to try again later. The package knows no HTTP and does not know what the
// memory is used for.
package budget

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"github.com/lethe-chat/lethe/internal/fault"
)

// Default is how many bytes all requests together may hold if the configuration does not
// say otherwise. One upload of 50 MB takes most of it.
const Default = 192 << 20

// Patience is how long a request waits for its share if Options do not say otherwise.
const Patience = 10 * time.Second

// RetryAfter is how long a refused request should wait before it tries again.
const RetryAfter = 5 * time.Second

// largeShare is the size in bytes from which a share is large.
const largeShare = 24 << 20

// Options are the settings of a Budget. All are optional.
type Options struct {
	Bytes    int64                // Default when 0
	Patience time.Duration        // how long a request waits for its share; Patience when 0
	Metrics  *prometheus.Registry // nil registers no metrics

	// Busy is called with true when the first large share is reserved, and with false when
	// the last one is released. Calls do not overlap.
	Busy func(bool)
}

// Budget is safe for concurrent use.
type Budget struct {
	o       Options
	free    *semaphore.Weighted
	mu      sync.Mutex
	held    int64
	large   int // shares of largeShare bytes or more
	refused prometheus.Counter
}

// New returns a budget that is not in use.
func New(o Options) *Budget {
	if o.Bytes <= 0 {
		o.Bytes = Default
	}
	if o.Patience <= 0 {
		o.Patience = Patience
	}
	if o.Busy == nil {
		o.Busy = func(bool) {}
	}
	b := &Budget{o: o, free: semaphore.NewWeighted(o.Bytes), refused: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "lethe_memory_budget_refusals_total", Help: "Requests that were answered with 503 because the memory budget was in use.",
	})}
	if o.Metrics != nil {
		o.Metrics.MustRegister(b.refused, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "lethe_memory_budget_held_bytes", Help: "Memory that is reserved for large requests and answers in progress.",
		}, func() float64 { return float64(b.Held()) }))
	}
	return b
}

// Held returns how many bytes are reserved.
func (b *Budget) Held() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
}

// Reserve waits for a share of the given size. The caller must release it. A size above
// the whole budget counts as the whole budget, so that such a request can run alone. The
// fault is Unavailable and wraps ErrBusy when no share became free in time; it is Canceled
// when ctx ended.
func (b *Budget) Reserve(ctx context.Context, bytes int64) (*Share, error) {
	share := &Share{budget: b}
	if err := share.take(ctx, bytes); err != nil {
		return nil, err
	}
	return share, nil
}

func (b *Budget) wait(ctx context.Context, bytes int64) error {
	waiting, cancel := context.WithTimeout(ctx, b.o.Patience)
	defer cancel()
	switch err := b.free.Acquire(waiting, bytes); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fault.Wrap(fault.Canceled, ctx.Err(), "the request was canceled or took too long")
	}
	b.refused.Inc()
	return &fault.Error{
		Kind: fault.Unavailable, Cause: ErrBusy, RetryAfter: RetryAfter,
		Message: fmt.Sprintf("too many large requests are in progress; try again in %d s", int(RetryAfter.Seconds())),
	}
}

// took counts a share that was reserved.
func (b *Budget) took(bytes int64, large bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held += bytes
	if !large {
		return
	}
	b.large++
	if b.large == 1 {
		b.o.Busy(true)
	}
}

// Share is a reserved part of the budget. It must not be used concurrently.
type Share struct {
	budget *Budget
	bytes  int64
	large  bool // whether it has ever been a large one
	back   bool // it was released
}

// take waits for the given size. The share must have none.
func (s *Share) take(ctx context.Context, bytes int64) error {
	bytes = min(max(bytes, 0), s.budget.o.Bytes)
	if !s.budget.free.TryAcquire(bytes) {
		if err := s.budget.wait(ctx, bytes); err != nil {
			return err
		}
	}
	large := !s.large && bytes >= min(largeShare, s.budget.o.Bytes)
	s.budget.took(bytes, large)
	s.bytes, s.large = bytes, s.large || large
	return nil
}

// Exchange gives the share back and waits for one of the given size, as Reserve does. It
// holds nothing while it waits, so that shares that need more do not wait for each
// other. After an error the share has no memory. It does nothing if the share is nil or
// released.
func (s *Share) Exchange(ctx context.Context, bytes int64) error {
	if s == nil || s.back {
		return nil
	}
	s.Shrink(0)
	return s.take(ctx, bytes)
}

// Shrink reduces the share to the given size. It does nothing if the share is nil,
// already smaller, or released.
func (s *Share) Shrink(bytes int64) {
	if s == nil || s.back || bytes >= s.bytes {
		return
	}
	bytes = max(bytes, 0)
	s.budget.mu.Lock()
	s.budget.held -= s.bytes - bytes
	s.budget.mu.Unlock()
	s.budget.free.Release(s.bytes - bytes)
	s.bytes = bytes
}

// Release gives the share back. It may be called more than once, and on a nil share.
func (s *Share) Release() {
	if s == nil || s.back {
		return
	}
	s.Shrink(0)
	s.back = true
	if !s.large {
		return
	}
	s.budget.mu.Lock()
	defer s.budget.mu.Unlock()
	s.budget.large--
	if s.budget.large == 0 {
		s.budget.o.Busy(false)
	}
}
