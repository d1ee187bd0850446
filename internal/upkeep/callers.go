package upkeep

import (
	"context"
	"slices"
	"sync"

	"github.com/lethe-chat/lethe/internal/fault"
)

// Reclaim reclaims the storage of all deletes that were committed before the call, and
// returns when that is done. One reclaim serves all waiting callers. It returns the errors
// of the store, and Canceled when ctx ends or the service stops.
func (u *Upkeep) Reclaim(ctx context.Context) error {
	done := u.callers.add()
	select {
	case err := <-done:
		return err
	case <-u.callers.stopped:
		return errStopped
	case <-ctx.Done():
		u.callers.remove(done)
		return ctx.Err()
	}
}

// Answers to callers whose reclaim was not completed.
var (
	errStopped  = fault.New(fault.Canceled, "the service is stopping")
	errPanicked = fault.New(fault.Internal, "the storage is not reclaimed yet; the log says why")
)

// serve reclaims storage for all callers that wait now. Callers that arrive later are
// served by the next reclaim, because this one may not include their deletes.
func (u *Upkeep) serve(ctx context.Context) error {
	waiting := u.callers.take()
	if len(waiting) == 0 {
		return nil
	}
	err := errPanicked // unless Exclusively returns
	defer func() {
		for _, done := range waiting {
			done <- err // it has room for one value
		}
	}()
	err = u.o.Store.Exclusively(ctx, u.reclaim)
	return err
}

// callers are the callers that wait for a reclaim.
type callers struct {
	arrived chan struct{} // has a value when a caller waits that no reclaim serves yet
	stopped chan struct{} // closed when no caller will be served any more

	mu      sync.Mutex
	waiting []chan error
}

func newCallers() *callers {
	return &callers{arrived: make(chan struct{}, 1), stopped: make(chan struct{})}
}

func (c *callers) add() chan error {
	c.mu.Lock()
	defer c.mu.Unlock()
	done := make(chan error, 1)
	c.waiting = append(c.waiting, done)
	signal(c.arrived)
	return done
}

func (c *callers) remove(done chan error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = slices.DeleteFunc(c.waiting, func(other chan error) bool { return other == done })
}

func (c *callers) take() []chan error {
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting := c.waiting
	c.waiting = nil
	return waiting
}

func (c *callers) any() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiting) > 0
}
