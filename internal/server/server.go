package server

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/budget"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/lethe"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/imports"
	"github.com/lethe-chat/lethe/internal/markdown"
	"github.com/lethe-chat/lethe/internal/mcp"
)

// Sizes that apply when Options leaves them zero.
const (
	leastLine        = 2 * chat.MaxPartBytes // bytes: an exported line of several messages fits in any case
	DefaultMaxUpload = 50_000_000            // bytes of an upload (MemoryPlugin: 50 MB)
	DefaultMaxBody   = 2 << 20               // bytes of any other body
)

// Time limits of a connection, independent of the handler.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 2 * time.Minute // 50 MB at 3.5 Mbit/s
	writeGrace        = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
)

// Options configure a Server. Only History is required.
type Options struct {
	History     *history.History
	Imports     *imports.Importer    // reads files that are imported; nil for one that keeps them in the system's folder
	Logger      *slog.Logger         // nil discards
	Metrics     *prometheus.Registry // nil creates a private one
	Version     string               // the program's, shown by /healthz
	SenderStyle auth.SenderStyle     // for keys that have none
	CORSOrigins []string             // origins to allow, besides extensions and our own
	Hosts       []string             // host names to answer to, without port; empty for any
	MaxUpload   int64                // bytes of an upload's body
	MaxLine     int64                // bytes of a line of an imported file; 0 for a line that has a message of the largest upload
	MaxBody     int64                // bytes of any other body
	Budget      *budget.Budget       // memory for large bodies and answers; nil for a budget of the usual size
	Pace        Pace                 // how slow the other side may be
	// MetricsApart says that MetricsServer serves the figures, and /metrics does not.
	MetricsApart bool
	// Prove shows this machine which service it talks to; may be nil.
	Prove func(challenge string) string
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Imports == nil {
		o.Imports = imports.New(imports.Options{History: o.History, Logger: o.Logger})
	}
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	if o.Budget == nil {
		o.Budget = budget.New(budget.Options{Metrics: o.Metrics})
	}
	if o.MaxUpload <= 0 {
		o.MaxUpload = DefaultMaxUpload
	}
	if o.MaxLine <= 0 {
		o.MaxLine = max(o.MaxUpload, leastLine) + lethe.Envelope
	}
	o.Pace = o.Pace.withDefaults()
	if o.MaxBody <= 0 {
		o.MaxBody = DefaultMaxBody
	}
	return o
}

// Server answers HTTP requests for one History.
type Server struct {
	options  Options
	history  *history.History
	log      *slog.Logger
	budget   *budget.Budget
	echo     *echo.Echo
	page     page
	markdown *markdown.Renderer
	agents   *mcp.Service
	ready    atomic.Bool
	refusing atomic.Pointer[func() string] // see Refuse; nil for no reason

	stopping context.Context //nolint:containedctx // it ends when the service stops: streams of events end with it
	stop     context.CancelFunc
}

// New returns a Server that is not ready yet; see SetReady.
func New(o Options) *Server {
	o = o.withDefaults()
	s := &Server{
		options: o, history: o.History, log: o.Logger,
		budget: o.Budget, echo: echo.New(), page: newPage(), markdown: markdown.New(),
		agents: mcp.New(o.Version, o.Logger),
	}
	s.stopping, s.stop = context.WithCancel(context.Background())
	s.echo.HideBanner, s.echo.HidePort = true, true
	s.echo.HTTPErrorHandler = s.renderError
	s.echo.Binder = binder{}
	s.echo.Use(s.middleware()...)
	s.register()
	return s
}

// Handler returns the whole service as a handler.
func (s *Server) Handler() http.Handler { return s.echo }

// SetReady sets whether /readyz may answer 200. Call it with false first when stopping, so that
// load balancers use other servers while the last requests are served.
func (s *Server) SetReady(ready bool) { s.ready.Store(ready) }

// writeTimeout is how long after its header a request's answer may be written, when
// the work takes up to patience: it spans the body, the work and the answer.
func writeTimeout(patience time.Duration) time.Duration { return readTimeout + patience + writeGrace }

// HTTPServer returns an http.Server for addr with every time-out set. The caller
// starts it and shuts it down.
func (s *Server) HTTPServer(addr string) *http.Server {
	server := &http.Server{
		Addr:              addr,
		Handler:           s.Handler(),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout(s.history.Patience(ordinary)),
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	server.RegisterOnShutdown(s.stop)
	return server
}
