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

// Gate is an embedder that a test can pause: after a conversation is claimed and before
// its vectors are stored, or in the middle of a search.
type Gate struct {
	embed.Embedder

	mu      sync.Mutex
	open    chan struct{} // closed while calls may proceed
	waiting chan struct{} // one entry for each call that had to wait
}

// NewGate returns an open gate in front of the hash embedder.
func NewGate() *Gate {
	open := make(chan struct{})
	close(open)
	return &Gate{Embedder: embed.NewHash(), open: open, waiting: make(chan struct{}, 1000)}
}

// Shut makes later calls wait.
func (g *Gate) Shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = make(chan struct{})
}

// Open lets waiting and later calls proceed.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.open)
}

// Next lets waiting calls proceed, and makes later ones wait.
func (g *Gate) Next() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.open)
	g.open = make(chan struct{})
}

// Arrived waits until a call waits at the gate. Each call counts once.
func (g *Gate) Arrived(t testing.TB) {
	t.Helper()
	select {
	case <-g.waiting:
	case <-time.After(Patience):
		require.Fail(t, "the embedder was not called")
	}
}

// Embed waits until the gate is open, then embeds the texts.
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
		return nil, fault.Wrap(fault.Canceled, ctx.Err(), "canceled while waiting at the gate")
	}
}
