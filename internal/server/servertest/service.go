package servertest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/indexer"
	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/pkg/client"
)

// Service is a whole service on a fresh database. It stops at the end of its test.
type Service struct {
	URL     string
	Key     string       // of workspace "default", with every scope
	HTTP    *http.Client // checks every answer against openapi.yaml
	Client  *client.Client
	Server  *server.Server
	History *history.History
}

// Start starts a service that indexes with the hash embedder. All options are optional.
// It creates the History itself; change modifies the options of it.
func Start(t testing.TB, o server.Options, change ...func(*history.Options)) *Service {
	t.Helper()
	return StartOn(t, store.Options{Path: filepath.Join(t.TempDir(), "lethe.db")}, o, change...)
}

// StartOn is Start on this database.
func StartOn(t testing.TB, database store.Options, o server.Options, change ...func(*history.Options)) *Service {
	t.Helper()
	s, err := store.Open(t.Context(), database)
	require.NoError(t, err)
	embedder := embed.NewHash()
	x := indexer.New(indexer.Options{Store: s, Embedder: embedder, Workers: 1})
	require.NoError(t, x.Adopt(t.Context()))
	parts := history.Options{Store: s, Embedder: embedder, Wake: x.WakeIn}
	for _, c := range change {
		c(&parts)
	}
	o.History = history.New(parts)

	running, stop := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() { x.Run(running, running); close(stopped) }()

	service := &Service{Server: server.New(o), History: o.History}
	service.Server.SetReady(true)
	web := httptest.NewUnstartedServer(nil)
	web.Config = service.Server.HTTPServer("")
	web.Listener = service.Server.Listener(web.Listener)
	web.Start()
	t.Cleanup(func() {
		web.Close()
		stop()
		<-stopped
		require.NoError(t, s.Close())
	})

	service.URL = web.URL
	service.HTTP = &http.Client{Transport: Validating(t, web.Client().Transport)}
	service.Key = service.NewKey(t, "default", auth.Read, auth.Write, auth.Admin)
	service.Client = service.NewClient(t, service.Key)
	return service
}

// Administration manages the service's keys and workspaces, like the command line.
func (s *Service) Administration(t testing.TB) history.Administration {
	t.Helper()
	administration, err := s.History.Administer(auth.Operator(0))
	require.NoError(t, err)
	return administration
}

// NewKey creates a key for a workspace, and the workspace if it does not exist.
func (s *Service) NewKey(t testing.TB, workspace string, scopes ...auth.Scope) string {
	t.Helper()
	_, token, err := s.Administration(t).CreateKey(t.Context(), workspace, "test", scopes)
	require.NoError(t, err)
	return token
}

// NewClient returns a client with this key that does not retry.
func (s *Service) NewClient(t testing.TB, key string) *client.Client {
	t.Helper()
	c, err := client.New(s.URL, key, client.WithHTTPClient(s.HTTP), client.WithRetries(0))
	require.NoError(t, err)
	return c
}
