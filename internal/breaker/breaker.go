// Package breaker keeps callers from waiting for a part that does not answer. It decides
// whether a part counts as lost and when to try it again. It does not know what the part
// is or does.
//
// Trials run in their own goroutine, never in a caller's request. So no caller waits for a
// lost part, not even the one that would find out that it answers again.
package breaker

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Options say how to try a part. Try is required.
type Options struct {
	// Try sends the part a harmless request and returns nil when the part answers
	// correctly. Its context ends after Patience.
	Try func(context.Context) error
	// Patience is the time limit of one trial; DefaultPatience when 0.
	Patience time.Duration
	// Pause is the time before trial number n, counted from 0; DefaultPause when nil.
	Pause func(n int) time.Duration
	// Changed is called with the cause and a zero duration after the part was lost, and
	// with a nil cause and the duration of the loss after it answered again. Calls never
	// overlap. Changed may be nil.
	Changed func(cause error, lost time.Duration)
	// After calls f once after d, unless stop is called before; time.AfterFunc when nil.
	// Tests replace it to decide when a trial happens.
	After func(d time.Duration, f func()) (stop func())
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// The defaults of Options.
const (
	DefaultPatience = 10 * time.Second
	firstPause      = time.Second
	maxPause        = 15 * time.Second
)

// DefaultPause is one second before the first trial and doubles up to fifteen seconds.
func DefaultPause(n int) time.Duration { return min(firstPause<<min(n, 10), maxPause) }

// Breaker watches one part. It is safe for concurrent use.
type Breaker struct {
	o      Options
	ctx    context.Context // ends with Close; trials do not depend on a request
	cancel context.CancelFunc

	telling sync.Mutex // orders the calls of Changed

	mu     sync.Mutex
	lost   bool
	since  time.Time
	cause  error
	trials int
	stop   func()
	closed bool
}

// New returns a breaker for a part that is assumed to answer. Close ends the trials.
func New(o Options) *Breaker {
	if o.Patience == 0 {
		o.Patience = DefaultPatience
	}
	if o.Pause == nil {
		o.Pause = DefaultPause
	}
	if o.Changed == nil {
		o.Changed = func(error, time.Duration) {}
	}
	if o.After == nil {
		o.After = func(d time.Duration, f func()) func() {
			timer := time.AfterFunc(d, f)
			return func() { timer.Stop() }
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	b := &Breaker{o: o}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

// Lost reports whether the part is lost. A lost part must not be asked.
func (b *Breaker) Lost() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lost
}

// State is the current knowledge about a part.
type State struct {
	Lost  bool
	Since time.Time // when it was lost; zero when it is not lost
	Cause error     // why it counts as lost; nil when it is not lost
}

// State returns the current knowledge about the part.
func (b *Breaker) State() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return State{Lost: b.lost, Since: b.since, Cause: b.cause}
}

// Trip reports that the part did not answer. The part is lost from now on and is tried
// in the background until it answers. Trip does nothing to a part that is already lost.
func (b *Breaker) Trip(cause error) {
	b.telling.Lock()
	defer b.telling.Unlock()
	b.mu.Lock()
	if b.lost || b.closed {
		b.mu.Unlock()
		return
	}
	b.lost, b.since, b.cause, b.trials = true, b.o.Now(), cause, 0
	b.schedule()
	b.mu.Unlock()
	b.o.Changed(cause, 0)
}

// schedule plans the next trial. The caller holds mu.
func (b *Breaker) schedule() { b.stop = b.o.After(b.o.Pause(b.trials), b.try) }

// errPanicked is the failure of a trial that panicked.
var errPanicked = errors.New("the trial panicked")

func (b *Breaker) try() {
	err := b.tried()
	b.telling.Lock()
	defer b.telling.Unlock()
	b.mu.Lock()
	if b.closed || !b.lost {
		b.mu.Unlock()
		return
	}
	if err != nil {
		b.trials++
		b.cause = err
		b.schedule()
		b.mu.Unlock()
		return
	}
	lost := b.o.Now().Sub(b.since)
	b.lost, b.since, b.cause = false, time.Time{}, nil
	b.mu.Unlock()
	b.o.Changed(nil, lost)
}

// tried runs one trial. It ends in time even if the part ignores its context.
func (b *Breaker) tried() error {
	ctx, cancel := context.WithTimeout(b.ctx, b.o.Patience)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		err := errPanicked
		defer func() {
			_ = recover() // a panic counts as no answer
			done <- err
		}()
		err = b.o.Try(ctx)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends the trials. A lost part stays lost.
func (b *Breaker) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.stop != nil {
		b.stop()
	}
	b.cancel()
}
