package app

import (
	"context"
	"errors"
	"net"
	"net/http"

	"github.com/lethe-chat/lethe/internal/config"
	"github.com/lethe-chat/lethe/internal/fault"
)

// metricsServer serves the metrics at their own address. The zero value means that no
// such address is configured.
type metricsServer struct {
	url    string
	server *http.Server
	ended  chan struct{}
}

// serveMetrics starts the server at the address of the metrics, if one is configured.
func (a *App) serveMetrics(ctx context.Context) (metricsServer, error) {
	c := a.o.Config
	if c.MetricsAddr == "" {
		return metricsServer{}, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.MetricsAddr)
	if err != nil {
		return metricsServer{}, fault.Wrap(fault.Unavailable, err, "cannot listen on %s; is another program using it? LETHE_METRICS_ADDR names another address", c.MetricsAddr)
	}
	m := metricsServer{url: "http://" + listener.Addr().String(), server: a.server.MetricsServer(metricsHosts(c)), ended: make(chan struct{})}
	go func() {
		defer close(m.ended)
		if err := m.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			a.o.Logger.Warn("the server of the metrics failed", "error", err)
		}
	}()
	return m, nil
}

// metricsHosts returns the host names that the metrics server answers to; nil for any. On
// loopback they are those of the service. Elsewhere any, because collectors use addresses.
func metricsHosts(c config.Config) []string {
	if !c.MetricsLoopback() {
		return nil
	}
	return append([]string{"localhost", "127.0.0.1", "::1"}, c.Hosts...)
}

// close stops the server. It is the last part to stop, so that a shutdown can be
// observed.
func (m metricsServer) close() {
	if m.server == nil {
		return
	}
	_ = m.server.Close() // its requests need not finish
	<-m.ended
}
