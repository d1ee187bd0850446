// Package parallel runs a function for several numbers at the same time. It knows nothing of
// what the function does.
package parallel

import (
	"cmp"
	"runtime/debug"

	"golang.org/x/sync/errgroup"

	"github.com/lethe-chat/lethe/internal/fault"
)

// Do calls do for 0 to n-1, at most limit at a time, and waits for all calls. It returns the
// error of the lowest number, whichever call failed first. A panic becomes an Internal error.
func Do(n, limit int, do func(i int) error) error {
	errs := make([]error, n)
	var all errgroup.Group
	all.SetLimit(limit)
	for i := range n {
		all.Go(func() error {
			errs[i] = guarded(i, do)
			return errs[i]
		})
	}
	if all.Wait() == nil {
		return nil
	}
	return cmp.Or(errs...)
}

// guarded calls do and turns a panic into an error, because a panic in a separate goroutine
// would end the whole service.
func guarded(i int, do func(i int) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.Internal, "panic: %v\n%s", p, debug.Stack())
		}
	}()
	return do(i)
}
