package apptest

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/app"
	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/server/servertest"
	"github.com/lethe-chat/lethe/internal/store"
	"github.com/lethe-chat/lethe/internal/store/storetest"
	"github.com/lethe-chat/lethe/pkg/client"
)

// Patience is how long anything may take that a test waits for. It is long,
// because it only ends tests that fail.
const Patience = 30 * time.Second

// Service is a running program.
type Service struct {
	URL string
	// MetricsURL is the address of the figures, when they have one of their own.
	MetricsURL string
	HTTP       *http.Client // holds every answer against openapi.yaml
	Client     *client.Client

	db      storetest.Database
	log     *buffer
	trouble bool
	cancel  context.CancelFunc
	done    chan struct{} // closed when the program has ended, with err
	err     error
}

// Start runs the program in this process until the test ends or Stop is called.
// The test fails if it does not end well or logs an error.
func Start(t testing.TB, db storetest.Database, opts ...Option) *Service {
	t.Helper()
	settings := newSettings(db, opts)
	s := &Service{db: db, log: &buffer{}, done: make(chan struct{}), trouble: settings.trouble}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	s.cancel = cancel
	url := make(chan app.Started, 1)
	go func() {
		defer close(s.done)
		s.err = run(ctx, settings, s.log, func(started app.Started) { url <- started })
	}()
	t.Cleanup(func() { s.Stop(t) })
	select {
	case started := <-url:
		s.MetricsURL = started.MetricsURL
		s.connect(t, started.URL)
	case <-s.done:
		require.NoError(t, s.err, "the service did not start")
	case <-time.After(Patience):
		require.Fail(t, "the service did not start in time")
	}
	return s
}

func (s *Service) connect(t testing.TB, url string) {
	t.Helper()
	s.URL = url
	transport := &http.Transport{MaxIdleConnsPerHost: 32} // of its own, so that its connections end with the test
	t.Cleanup(transport.CloseIdleConnections)
	s.HTTP = &http.Client{Transport: servertest.Validating(t, transport)}
	s.Client = s.With(t, Key)
}

// Stop ends the service as an interrupt would, and waits until it has ended. It
// may be called again.
func (s *Service) Stop(t testing.TB) {
	t.Helper()
	s.Interrupt()
	s.Ended(t, Patience)
	if s.trouble {
		require.NotContains(t, s.log.String(), "kind=internal")
		return
	}
	require.NotContains(t, s.log.String(), "level=ERROR")
}

// Interrupt tells the service to stop, as a signal would.
func (s *Service) Interrupt() { s.cancel() }

// Ended waits for the service to end well.
func (s *Service) Ended(t testing.TB, within time.Duration) {
	t.Helper()
	select {
	case <-s.done:
		require.NoError(t, s.err, s.log.String())
	case <-time.After(within):
		require.Fail(t, "the service did not stop in time", s.log.String())
	}
}

// With returns a client with another key. It never repeats a call.
func (s *Service) With(t testing.TB, key string) *client.Client {
	t.Helper()
	c, err := client.New(s.URL, key, client.WithHTTPClient(s.HTTP), client.WithRetries(0))
	require.NoError(t, err)
	return c
}

// NewKey makes a key beside the running service, as `lethe keys create` does.
func (s *Service) NewKey(t testing.TB, workspace string, scopes ...auth.Scope) (key auth.Key, token string) {
	t.Helper()
	s.beside(t, func(a history.Administration) (err error) {
		key, token, err = a.CreateKey(t.Context(), workspace, "test", scopes)
		return err
	})
	return key, token
}

// RevokeKey ends a key beside the running service, as `lethe keys revoke` does.
func (s *Service) RevokeKey(t testing.TB, key auth.Key) {
	t.Helper()
	s.beside(t, func(a history.Administration) error {
		_, err := a.RevokeKey(t.Context(), key.ID)
		return err
	})
}

// beside manages keys as another program on the same database.
func (s *Service) beside(t testing.TB, do func(history.Administration) error) {
	t.Helper()
	other, err := store.Open(t.Context(), s.db.Options())
	require.NoError(t, err)
	administration, err := history.New(history.Options{Store: other, Embedder: embed.NewNone()}).Administer(auth.Operator(0))
	require.NoError(t, err)
	require.NoError(t, do(administration))
	require.NoError(t, other.Close())
}

// buffer is a log that several goroutines write.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write appends to the log.
func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String is what was logged.
func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
