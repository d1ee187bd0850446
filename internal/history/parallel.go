package history

import (
	"cmp"
	"runtime/debug"

	"golang.org/x/sync/errgroup"

	"github.com/lethe-chat/lethe/internal/fault"
)

// sideBySide calls do for 0 to n-1, at most limit at a time, and waits for all. It
// returns the first error in the order of the numbers, whichever came first.
func sideBySide(n, limit int, do func(i int) error) error {
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

// guarded calls do and makes an error of a panic, which in a goroutine of its own
// would end the whole service.
func guarded(i int, do func(i int) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.Internal, "panic: %v\n%s", p, debug.Stack())
		}
	}()
	return do(i)
}
