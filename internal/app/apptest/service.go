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

// Patience is the longest that a test waits for anything. It is long, because only a
// failing test waits for all of it.
const Patience = 30 * time.Second

// Service is a running program.
type Service struct {
	URL string
	// MetricsURL is the address of the metrics; empty when they are served beside the API.
	MetricsURL string
	HTTP       *http.Client // checks every answer against openapi.yaml
	Client     *client.Client

	db      storetest.Database
	log     *buffer
	trouble bool
	cancel  context.CancelFunc
	done    chan struct{} // closed when the program has ended
	err     error         // how it ended; valid after done is closed
}

// Start runs the program in this process until the test ends or Stop is called.
// The test fails if the program returns an error or logs one.
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
	transport := &http.Transport{MaxIdleConnsPerHost: 32} // its own transport, so that its connections end with the test
	t.Cleanup(transport.CloseIdleConnections)
	s.HTTP = &http.Client{Transport: servertest.Validating(t, transport)}
	s.Client = s.With(t, Key)
}

// Stop stops the service like an interrupt, and waits until it has ended. It may be
// called more than once.
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

// Interrupt tells the service to stop, like a signal.
func (s *Service) Interrupt() { s.cancel() }

// Ended waits until the service has ended, and fails the test if it returned an error.
func (s *Service) Ended(t testing.TB, within time.Duration) {
	t.Helper()
	select {
	case <-s.done:
		require.NoError(t, s.err, s.log.String())
	case <-time.After(within):
		require.Fail(t, "the service did not stop in time", s.log.String())
	}
}

// CutOff waits until the service has ended, and requires that it cut off requests.
func (s *Service) CutOff(t testing.TB) {
	t.Helper()
	select {
	case <-s.done:
		require.ErrorContains(t, s.err, "some requests were cut off")
		s.err = nil
	case <-time.After(Patience):
		require.Fail(t, "the service did not stop in time", s.log.String())
	}
}

// With returns a client with another key. It does not retry.
func (s *Service) With(t testing.TB, key string) *client.Client {
	t.Helper()
	c, err := client.New(s.URL, key, client.WithHTTPClient(s.HTTP), client.WithRetries(0))
	require.NoError(t, err)
	return c
}

// NewKey creates a key while the service runs, like `lethe keys create`.
func (s *Service) NewKey(t testing.TB, workspace string, scopes ...auth.Scope) (key auth.Key, token string) {
	t.Helper()
	s.administer(t, func(a history.Administration) (err error) {
		key, token, err = a.CreateKey(t.Context(), workspace, "test", scopes)
		return err
	})
	return key, token
}

// RevokeKey revokes a key while the service runs, like `lethe keys revoke`.
func (s *Service) RevokeKey(t testing.TB, key auth.Key) {
	t.Helper()
	s.administer(t, func(a history.Administration) error {
		_, err := a.RevokeKey(t.Context(), key.ID)
		return err
	})
}

// administer opens the service's database like a second program, and calls do.
func (s *Service) administer(t testing.TB, do func(history.Administration) error) {
	t.Helper()
	other, err := store.Open(t.Context(), s.db.Options())
	require.NoError(t, err)
	administration, err := history.New(history.Options{Store: other, Embedder: embed.NewNone()}).Administer(auth.Operator(0))
	require.NoError(t, err)
	require.NoError(t, do(administration))
	require.NoError(t, other.Close())
}

// buffer is a log that several goroutines may write to.
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

// String returns what was logged.
func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
