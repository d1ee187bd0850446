package parallel

import (
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/fault"
)

func TestDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Int32
		finishOne := make(chan struct{})
		done := make(chan error)
		go func() {
			done <- Do(9, 3, func(int) error {
				running.Add(1)
				defer running.Add(-1)
				<-finishOne
				return nil
			})
		}()
		for unfinished := 9; unfinished > 0; unfinished-- {
			synctest.Wait() // until every goroutine is blocked
			require.EqualValues(t, min(unfinished, 3), running.Load())
			finishOne <- struct{}{}
		}
		require.NoError(t, <-done)
	})
	require.NoError(t, Do(0, 3, nil))
}

// A panic fails only the call of Do in which it happens.
func TestAPanicIsAnError(t *testing.T) {
	err := Do(3, 2, func(i int) error {
		switch i {
		case 0:
			panic("secret words")
		case 1:
			return fault.Invalidf("wrong")
		}
		return nil
	})
	require.Equal(t, fault.Internal, fault.KindOf(err))
	require.NotContains(t, fault.Message(err), "secret", "callers may see the message")
}
