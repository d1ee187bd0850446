package history

import (
	"runtime/debug"
	"sync"

	"github.com/lethe-chat/lethe/internal/fault"
)

// sideBySide calls do for 0 to n-1, at most limit at a time, and waits for all. A
// panic is an error, as it is where a request runs alone: in a goroutine of its own
// it would end the whole service.
func sideBySide(n, limit int, do func(i int) error) error {
	errs := make([]error, n)
	guarded := func(i int) {
		defer func() {
			if p := recover(); p != nil {
				errs[i] = fault.New(fault.Internal, "panic: %v\n%s", p, debug.Stack())
			}
		}()
		errs[i] = do(i)
	}
	var all sync.WaitGroup
	slots := make(chan struct{}, limit)
	for i := range n {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			guarded(i)
		})
	}
	all.Wait()
	for _, err := range errs { // the first one in order, whichever came first
		if err != nil {
			return err
		}
	}
	return nil
}
