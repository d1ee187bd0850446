package app

import (
	"context"
	"errors"
	"net"
	"net/http"

	"github.com/lethe-chat/lethe/internal/config"
	"github.com/lethe-chat/lethe/internal/fault"
)

// figures is the server of the figures that has an address of its own. The zero
// value is the one that is not configured.
type figures struct {
	url    string
	server *http.Server
	ended  chan struct{}
}

// serveMetrics listens and serves at the address of the figures, if there is one.
func (a *App) serveMetrics(ctx context.Context) (figures, error) {
	c := a.o.Config
	if c.MetricsAddr == "" {
		return figures{}, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.MetricsAddr)
	if err != nil {
		return figures{}, fault.Wrap(fault.Unavailable, err, "cannot listen on %s; is another program using it? LETHE_METRICS_ADDR names another address", c.MetricsAddr)
	}
	f := figures{url: "http://" + listener.Addr().String(), server: a.server.MetricsServer(metricsHosts(c)), ended: make(chan struct{})}
	go func() {
		defer close(f.ended)
		if err := f.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			a.o.Logger.Warn("the figures are no longer served", "error", err)
		}
	}()
	return f, nil
}

// metricsHosts are the names under which the figures may be asked for: on loopback
// those of the service, elsewhere any, for whoever collects asks by address.
func metricsHosts(c config.Config) []string {
	if !c.MetricsLoopback() {
		return nil
	}
	return append([]string{"localhost", "127.0.0.1", "::1"}, c.Hosts...)
}

// close ends the server. The figures are the last to go, so that a stop can be
// watched.
func (f figures) close() {
	if f.server == nil {
		return
	}
	_ = f.server.Close() // nothing of it is worth waiting for
	<-f.ended
}
