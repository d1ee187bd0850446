package apptest

import (
	"time"

	"github.com/lethe-chat/lethe/internal/config"
	"github.com/lethe-chat/lethe/internal/embed"
	"github.com/lethe-chat/lethe/internal/store/storetest"
)

// Key is a key that every started service accepts, for the workspace "default" and with
// both scopes.
const Key = "apptest-0123456789abcdef"

// Option changes how a service is started.
type Option func(*settings)

// settings are what a service is started with. StartProcess sends the exported ones to
// the process as JSON.
type settings struct {
	Environ  []string
	Lease    time.Duration
	Grace    time.Duration
	embedder embed.Embedder
	trouble  bool
	disk     func() error
}

// WithEnv sets variables of the configuration, such as "LETHE_INDEX_WORKERS=1". If a
// variable is set twice, the last value is used.
func WithEnv(variables ...string) Option {
	return func(s *settings) { s.Environ = append(s.Environ, variables...) }
}

// WithEmbedder replaces the embedder. A service in a process of its own calls it over
// HTTP, like any embeddings server.
func WithEmbedder(e embed.Embedder) Option { return func(s *settings) { s.embedder = e } }

// WithTrouble says that the test breaks the database, so the service may log errors. An
// error of kind internal still fails the test.
func WithTrouble() Option { return func(s *settings) { s.trouble = true } }

// WithDisk calls beforeWrite before each write of SQLite. An error fails the write.
func WithDisk(beforeWrite func() error) Option {
	return func(s *settings) { s.disk = beforeWrite }
}

// WithLease sets how long conversations stay claimed by a killed process.
func WithLease(d time.Duration) Option { return func(s *settings) { s.Lease = d } }

// WithGrace sets how long the embedder may still answer the indexer after a stop.
func WithGrace(d time.Duration) Option { return func(s *settings) { s.Grace = d } }

func newSettings(db storetest.Database, opts []Option) settings {
	s := settings{Environ: append([]string{
		"LETHE_ADDR=127.0.0.1:0", "LETHE_API_KEY=" + Key, "LETHE_EMBEDDER=" + string(config.EmbedderHash),
		"LETHE_SHUTDOWN_TIMEOUT=10s", "LETHE_LOG_LEVEL=warn",
	}, db.Environ()...)}
	for _, opt := range opts {
		opt(&s)
	}
	return s
}
