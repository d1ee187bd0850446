package breaker_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/breaker"
)

var errAway = errors.New("away")

// part is a part whose answers the test controls.
type part struct {
	mu      sync.Mutex
	answers error
	tried   int
	told    []error
	now     time.Time

	planned []time.Duration
	next    func()
	stopped bool
}

func watch(t *testing.T, change func(*breaker.Options)) (*breaker.Breaker, *part) {
	t.Helper()
	p := &part{answers: errAway, now: time.Unix(1000, 0)}
	o := breaker.Options{
		Try: func(context.Context) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.tried++
			return p.answers
		},
		Changed: func(cause error, _ time.Duration) { p.told = append(p.told, cause) },
		After: func(d time.Duration, f func()) func() {
			p.planned, p.next = append(p.planned, d), f
			return func() { p.stopped = true }
		},
		Now: func() time.Time { return p.now },
	}
	if change != nil {
		change(&o)
	}
	b := breaker.New(o)
	t.Cleanup(b.Close)
	return b, p
}

// A lost part is tried in the background, at growing intervals, until it answers. Each
// change is reported once.
func TestALostPartIsTriedUntilItAnswers(t *testing.T) {
	b, p := watch(t, nil)
	require.False(t, b.Lost())
	require.Empty(t, p.planned)
	b.Trip(errAway)
	b.Trip(errors.New("another"))
	require.Equal(t, breaker.State{Lost: true, Since: time.Unix(1000, 0), Cause: errAway}, b.State())
	require.Zero(t, p.tried, "Trip itself does not try the part")
	for range 6 {
		p.next()
		require.True(t, b.Lost())
	}
	require.Equal(t, []time.Duration{1, 2, 4, 8, 15, 15, 15}, seconds(p.planned))
	p.answers = nil
	p.next()
	require.Equal(t, breaker.State{}, b.State())
	require.Equal(t, []error{errAway, nil}, p.told)

	b.Trip(errAway)
	require.True(t, b.Lost())
	require.Equal(t, time.Second, p.planned[len(p.planned)-1], "the pauses start again at one second")
}

func seconds(list []time.Duration) (out []time.Duration) {
	for _, d := range list {
		out = append(out, d/time.Second)
	}
	return out
}

func TestATrialThatHangsOrPanicsFails(t *testing.T) {
	for name, try := range map[string]func(context.Context) error{
		"hangs":               func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"ignores its context": func(context.Context) error { select {} },
		"panics":              func(context.Context) error { panic("no") },
	} {
		t.Run(name, func(t *testing.T) {
			b, p := watch(t, func(o *breaker.Options) { o.Try, o.Patience = try, time.Millisecond })
			b.Trip(errAway)
			p.next()
			require.True(t, b.Lost())
			require.Len(t, p.planned, 2)
		})
	}
}

func TestCloseEndsTheTrials(t *testing.T) {
	begun := make(chan struct{})
	b, p := watch(t, func(o *breaker.Options) {
		o.Try = func(ctx context.Context) error { close(begun); <-ctx.Done(); return ctx.Err() }
		o.Patience = time.Hour
	})
	b.Trip(errAway)
	done := make(chan struct{})
	go func() { defer close(done); p.next() }()
	<-begun
	b.Close()
	<-done
	require.True(t, p.stopped)
	require.Len(t, p.planned, 1, "no further trial is planned")
	b.Trip(errAway)
	require.Len(t, p.planned, 1)
}
