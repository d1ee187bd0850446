package indexer

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// A panic outside of the embedder ends the attempt and not the program. Here the store is missing, so the work panics
// at its beginning.
func TestAPanicAnywhereEndsTheAttempt(t *testing.T) {
	x := New(Options{Embedder: embed.NewHash()})
	for name, work := range map[string]func() error{
		"a claim": func() error { _, err := x.process(t.Context(), &store.Claim{Attempt: 1}, true); return err },
		"a claim to renew": func() error {
			_, err := x.process(t.Context(), &store.Claim{Attempt: 1, Behind: true}, true)
			return err
		},
		"the search for work":       func() error { _, _, err := x.claim(t.Context(), true); return err },
		"the time of the next work": func() error { _, _, err := x.nextDue(t.Context(), true); return err },
		"the extension of a lease":  func() error { return x.extend(t.Context(), store.Claim{}) },
		"overdue work":              func() error { return x.mendOnce(t.Context()) },
		"progress":                  func() error { return x.look(t.Context()) },
		"claims of the dead":        func() error { return x.takeBack(t.Context()) },
	} {
		require.Equal(t, fault.Internal, fault.KindOf(work()), name)
	}
}

// Without a store, everything that a running indexer does panics. It logs that, tries again and can be stopped.
func TestAPanicDoesNotEndTheIndexer(t *testing.T) {
	lines := make(lines, 1000)
	x := New(Options{Embedder: embed.NewHash(), Logger: slog.New(lines), Poll: time.Millisecond})
	soft, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); x.Run(soft, t.Context()) }()
	for tried := 0; tried < 3; {
		if wait(t, lines) == "indexer: no conversation could be claimed" {
			tried++
		}
	}
	require.Empty(t, x.settle(t.Context(), store.Claim{}, context.Canceled), "it logs that the claim was not settled")
	stop()
	wait(t, ended)
}

// lines is a log whose messages a test can wait for.
type lines chan string

func (lines) Enabled(context.Context, slog.Level) bool { return true }
func (l lines) WithAttrs([]slog.Attr) slog.Handler     { return l }
func (l lines) WithGroup(string) slog.Handler          { return l }

func (l lines) Handle(_ context.Context, r slog.Record) error {
	select {
	case l <- r.Message:
	default: // the channel is full: the test needs no more lines
	}
	return nil
}

func wait[T any](t *testing.T, signal <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-signal:
	case <-time.After(20 * time.Second):
		t.Fatal("the signal did not come")
	}
	return v
}
