package indexer

import (
	"context"
	"errors"
	"time"
)

// errCutOff says that the service stops and the embedder did not answer in time. The cause
// is not the conversation.
var errCutOff = errors.New("the service is stopping and no longer waits for the embedder")

// cutOffAfter cancels requests to the embedder when Grace has passed after soft ended, so that an embedder that hangs
// does not delay a stop. Requests that are nearly done can finish. The caller must call the returned function when no
// worker is left.
func (x *Indexer) cutOffAfter(soft context.Context) (done func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(soft))
	forget := context.AfterFunc(soft, func() {
		grace := time.NewTimer(x.o.Grace)
		defer grace.Stop()
		select {
		case <-grace.C:
			close(x.cutOff)
		case <-ctx.Done():
		}
	})
	return func() { forget(); cancel() }
}

// untilCutOff returns a context that also ends, with the cause errCutOff, when the service
// no longer waits for the embedder.
func (x *Indexer) untilCutOff(ctx context.Context) (asking context.Context, done func()) {
	asking, cancel := context.WithCancelCause(ctx)
	select {
	case <-x.cutOff: // without this, a request could be sent before the goroutine runs
		cancel(errCutOff)
	default:
		go func() {
			select {
			case <-x.cutOff:
				cancel(errCutOff)
			case <-asking.Done():
			}
		}()
	}
	return asking, func() { cancel(nil) }
}
