package apptest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/fault"
)

// Gate is an embedder that a test can stop in the middle of its work: between
// the moment when a conversation is claimed and the one when its passages are
// stored, or in the middle of a search.
type Gate struct {
	embed.Embedder

	mu      sync.Mutex
	open    chan struct{} // closed while texts may pass
	waiting chan struct{} // one entry for each call that found the gate shut
}

// NewGate returns an open gate before the hash embedder.
func NewGate() *Gate {
	open := make(chan struct{})
	close(open)
	return &Gate{Embedder: embed.NewHash(), open: open, waiting: make(chan struct{}, 1000)}
}

// Shut makes calls from now on wait.
func (g *Gate) Shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = make(chan struct{})
}

// Open lets the calls that wait go on, and later ones pass.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.open)
}

// Next lets the calls that wait go on, and stops later ones.
func (g *Gate) Next() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.open)
	g.open = make(chan struct{})
}

// Arrived waits until a call stands before the shut gate. Each call counts once.
func (g *Gate) Arrived(t testing.TB) {
	t.Helper()
	select {
	case <-g.waiting:
	case <-time.After(Patience):
		require.Fail(t, "nobody asked the embedder")
	}
}

// Embed embeds when the gate is open.
func (g *Gate) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	select {
	case <-open:
	default:
		g.waiting <- struct{}{}
	}
	select {
	case <-open:
		return g.Embedder.Embed(ctx, texts)
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Canceled, ctx.Err(), "stopped before the gate")
	}
}
