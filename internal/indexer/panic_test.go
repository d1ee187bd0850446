package indexer

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// A panic outside the embedder ends the attempt, not the program: here the store is
// missing, so the work panics wherever it begins.
func TestAPanicAnywhereEndsTheAttempt(t *testing.T) {
	x := New(Options{Embedder: embed.NewHash()})
	for name, work := range map[string]func() error{
		"a claim": func() error { _, err := x.process(t.Context(), &store.Claim{Attempt: 1}, true); return err },
		"a claim to renew": func() error {
			_, err := x.process(t.Context(), &store.Claim{Attempt: 1, Behind: true}, true)
			return err
		},
		"overdue work":       func() error { return x.mendOnce(t.Context()) },
		"progress":           func() error { return x.look(t.Context()) },
		"claims of the dead": func() error { return x.takeBack(t.Context()) },
	} {
		require.Equal(t, fault.Internal, fault.KindOf(work()), name)
	}
}
