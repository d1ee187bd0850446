package bench_test

import (
	"context"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/client"
)

// service is the whole service on loopback without the indexer, which a benchmark starts
// if it needs one.
type service struct {
	store   *store.Store
	history *history.History
	url     string
}

func start(b *testing.B, db storetest.Database, embedder embed.Embedder) *service {
	b.Helper()
	return serve(b, open(b, db), embedder)
}

func serve(b *testing.B, s *store.Store, embedder embed.Embedder) *service {
	b.Helper()
	h := history.New(history.Options{Store: s, Embedder: embedder})
	web := server.New(server.Options{History: h, Logger: slog.New(slog.NewJSONHandler(io.Discard, nil))})
	web.SetReady(true)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	listening := web.HTTPServer(listener.Addr().String())
	served := make(chan error, 1)
	go func() { served <- listening.Serve(listener) }()
	b.Cleanup(func() {
		require.NoError(b, listening.Close())
		require.ErrorIs(b, <-served, http.ErrServerClosed)
	})
	return &service{store: s, history: h, url: "http://" + listener.Addr().String()}
}

// open opens a database without the checks of every statement that tests have.
func open(b *testing.B, db storetest.Database) *store.Store {
	b.Helper()
	o := db.Options()
	o.Trace = nil
	s, err := store.Open(b.Context(), o)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, s.Close()) })
	return s
}

// client returns a client of a workspace with one connection that stays open.
func (s *service) client(b *testing.B, workspace string) *client.Client {
	b.Helper()
	administration, err := s.history.Administer(auth.Operator(0))
	require.NoError(b, err)
	_, token, err := administration.CreateKey(b.Context(), workspace, "bench", []auth.Scope{auth.Read, auth.Write})
	require.NoError(b, err)
	c, err := client.New(s.url, token, client.WithRetries(0))
	require.NoError(b, err)
	_, err = c.Count(b.Context()) // opens the connection and prepares the statements
	require.NoError(b, err)
	return c
}

// directions is an embedder that costs almost nothing: the vector of a text is random,
// and the same each time.
type directions struct{}

func (directions) Model() embed.Model { return benchModel }

func (directions) Embed(_ context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = direction(text)
	}
	return vectors, nil
}

func direction(text string) []float32 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, text) // a hash takes everything
	return randomVector(rand.New(rand.NewPCG(h.Sum64(), 0)))
}
