package budget_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/budget"
	"github.com/lethe-chat/lethe/internal/fault"
)

func TestABudgetIsNeverExceeded(t *testing.T) {
	b := budget.New(budget.Options{Bytes: 100, Patience: time.Minute})
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			share, err := b.Reserve(t.Context(), int64(7+i))
			if err != nil {
				t.Error(err)
				return
			}
			if held := b.Held(); held > 100 {
				t.Errorf("%d bytes are held", held)
			}
			share.Shrink(int64(i))
			share.Shrink(1000) // a share does not grow
			share.Release()
			share.Release()
		})
	}
	all.Wait()
	require.Zero(t, b.Held())
}

func TestARequestIsRefusedWhileTheBudgetIsInUse(t *testing.T) {
	b := budget.New(budget.Options{Bytes: 100, Patience: time.Nanosecond})
	first, err := b.Reserve(t.Context(), 1<<40)
	require.NoError(t, err, "a request for more than the whole budget can run alone")
	require.EqualValues(t, 100, b.Held())

	_, err = b.Reserve(t.Context(), 1)
	require.ErrorIs(t, err, budget.ErrBusy)
	require.True(t, fault.Is(err, fault.Unavailable))

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = b.Reserve(gone, 1)
	require.True(t, fault.Is(err, fault.Canceled))

	first.Release()
	again, err := b.Reserve(t.Context(), 100)
	require.NoError(t, err)
	again.Release()
}

func TestABudgetTellsWhenItIsInUse(t *testing.T) {
	var told []bool
	b := budget.New(budget.Options{Bytes: 100 << 20, Busy: func(busy bool) { told = append(told, busy) }})
	small, err := b.Reserve(t.Context(), 1)
	require.NoError(t, err)
	small.Release()
	require.Empty(t, told)
	one, err := b.Reserve(t.Context(), 30<<20)
	require.NoError(t, err)
	two, err := b.Reserve(t.Context(), 30<<20)
	require.NoError(t, err)
	one.Release()
	require.Equal(t, []bool{true}, told)
	two.Shrink(0)
	require.Equal(t, []bool{true}, told)
	two.Release()
	require.Equal(t, []bool{true, false}, told)
}

// Those who need more than they have hold nothing while they wait for it: else two of
// them would wait for each other.
func TestSharesThatNeedMoreDoNotWaitForEachOther(t *testing.T) {
	b := budget.New(budget.Options{Bytes: 100, Patience: time.Minute})
	var all sync.WaitGroup
	var started sync.WaitGroup
	started.Add(3)
	for range 3 {
		all.Go(func() {
			share, err := b.Reserve(t.Context(), 30)
			started.Done()
			if err != nil {
				t.Error(err)
				return
			}
			started.Wait() // each has its share
			if err := share.Exchange(t.Context(), 90); err != nil {
				t.Error(err)
			}
			if held := b.Held(); held > 100 {
				t.Errorf("%d bytes are held", held)
			}
			share.Release()
		})
	}
	all.Wait()
	require.Zero(t, b.Held())
}

func TestAShareThatCouldNotBeExchangedHasNothing(t *testing.T) {
	var told []bool
	b := budget.New(budget.Options{Bytes: 100, Patience: time.Nanosecond, Busy: func(busy bool) { told = append(told, busy) }})
	other, err := b.Reserve(t.Context(), 30)
	require.NoError(t, err)
	share, err := b.Reserve(t.Context(), 50)
	require.NoError(t, err)
	require.NoError(t, share.Exchange(t.Context(), 70))
	require.EqualValues(t, 100, b.Held())
	share.Shrink(50)
	err = share.Exchange(t.Context(), 71)
	require.ErrorIs(t, err, budget.ErrBusy)
	require.Equal(t, budget.RetryAfter, fault.RetryAfter(fmt.Errorf("an import: %w", fault.Wrap(fault.Unavailable, err, "it ended early"))))
	require.EqualValues(t, 30, b.Held())
	share.Release()
	other.Release()
	require.Zero(t, b.Held())
	large, err := b.Reserve(t.Context(), 1)
	require.NoError(t, err)
	require.NoError(t, large.Exchange(t.Context(), 100))
	large.Release()
	require.Equal(t, []bool{true, false}, told, "a share that has become large")
}
