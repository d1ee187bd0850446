package server

import (
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/lethe-chat/lethe/internal/history"
)

// Sizes and times that apply when Options leaves them zero.
const (
	DefaultMaxUpload      = 50_000_000       // bytes of an upload (MemoryPlugin: 50 MB)
	DefaultMaxBody        = 2 << 20          // bytes of any other body
	DefaultRequestTimeout = 20 * time.Second // an extension's worker is killed after 30 s
)

// Times that a connection may take, whatever the handler does.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 2 * time.Minute // 50 MB at 3.5 Mbit/s
	writeGrace        = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
)

// Options are what a Server needs and may be told. Only History is required.
type Options struct {
	History        *history.History
	Logger         *slog.Logger         // nil discards
	Metrics        *prometheus.Registry // nil makes one of its own
	Version        string               // the program's, shown by /healthz
	CORSOrigins    []string             // web origins to allow beside extensions and our own; "*" for all
	Hosts          []string             // host names to answer to, without port; empty for any
	RatePerSecond  float64              // requests per second and key; 0 for no limit
	Burst          int                  // how many may come at once; at least 1
	MaxUpload      int64                // bytes of an upload's body
	MaxBody        int64                // bytes of any other body
	RequestTimeout time.Duration        // for the work on one request, its body's arrival not counted
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	if o.MaxUpload <= 0 {
		o.MaxUpload = DefaultMaxUpload
	}
	if o.MaxBody <= 0 {
		o.MaxBody = DefaultMaxBody
	}
	if o.RequestTimeout <= 0 {
		o.RequestTimeout = DefaultRequestTimeout
	}
	return o
}

// Server answers HTTP requests out of one History.
type Server struct {
	options Options
	history *history.History
	log     *slog.Logger
	limiter *rateLimiter
	echo    *echo.Echo
	ready   atomic.Bool
}

// New returns a Server that is not ready yet: see SetReady.
func New(o Options) *Server {
	o = o.withDefaults()
	s := &Server{
		options: o, history: o.History, log: o.Logger,
		limiter: newRateLimiter(o.RatePerSecond, o.Burst, time.Now),
		echo:    echo.New(),
	}
	s.echo.HideBanner, s.echo.HidePort = true, true
	s.echo.HTTPErrorHandler = s.renderError
	s.echo.Binder = binder{}
	s.echo.Use(s.middleware()...)
	s.register()
	return s
}

// Handler returns the whole service as a handler.
func (s *Server) Handler() http.Handler { return s.echo }

// SetReady says whether /readyz may answer 200. Turn it off first when stopping,
// so that load balancers look elsewhere while the last requests are served.
func (s *Server) SetReady(ready bool) { s.ready.Store(ready) }

// HTTPServer returns an http.Server for addr with every time-out set. The caller
// starts it and shuts it down.
func (s *Server) HTTPServer(addr string) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           s.Handler(),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		// It is counted from the end of the header, so it spans the body, the work
		// and the answer.
		WriteTimeout:   readTimeout + s.options.RequestTimeout + writeGrace,
		IdleTimeout:    idleTimeout,
		MaxHeaderBytes: maxHeaderBytes,
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
}
