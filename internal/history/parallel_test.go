package history

import (
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/fault"
)

func TestSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Int32
		let := make(chan struct{})
		done := make(chan error)
		go func() {
			done <- sideBySide(9, 3, func(int) error {
				running.Add(1)
				defer running.Add(-1)
				<-let
				return nil
			})
		}()
		for left := 9; left > 0; left-- {
			synctest.Wait() // until nothing can go on by itself
			require.EqualValues(t, min(left, 3), running.Load())
			let <- struct{}{}
		}
		require.NoError(t, <-done)
	})
	require.NoError(t, sideBySide(0, 3, nil))
}

// A panic fails its own request and nothing else.
func TestSideBySideSurvivesAPanic(t *testing.T) {
	err := sideBySide(3, 2, func(i int) error {
		switch i {
		case 0:
			panic("secret words")
		case 1:
			return fault.Invalidf("wrong")
		}
		return nil
	})
	require.Equal(t, fault.Internal, fault.KindOf(err))
	require.NotContains(t, fault.Message(err), "secret", "only the log is told")
}
