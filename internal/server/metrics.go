package server

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/labstack/echo-contrib/echoprometheus"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"github.com/lethe-chat/lethe/internal/fault"
)

// metrics serves metrics beside the API, where the keys of every workspace can read them. It leaves out metrics that
// show one workspace the size of another one's answers. If metrics have their own address, they are served only
// there.
func (s *Server) metrics() echo.HandlerFunc {
	if s.options.MetricsApart {
		return func(echo.Context) error {
			return fault.NotFoundf("the metrics are served at another address (LETHE_METRICS_ADDR)")
		}
	}
	return echo.WrapHandler(promhttp.HandlerFor(shared(s.options.Metrics), promhttp.HandlerOpts{}))
}

// shared returns the metrics that the keys of every workspace may read. It leaves out the sizes of bodies,
// and the memory and network of the process, which would reveal them too.
func shared(all prometheus.Gatherer) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := all.Gather()
		var kept []*dto.MetricFamily
		for _, f := range families {
			if strings.HasPrefix(f.GetName(), "lethe_") && !strings.HasSuffix(f.GetName(), "_size_bytes") {
				kept = append(kept, f)
			}
		}
		return kept, err
	})
}

// MetricsServer returns an http.Server that serves all metrics at /metrics and nothing else.
// It answers only to the host names in hosts, or to any if there are none. The caller starts
// it and shuts it down.
func (s *Server) MetricsServer(hosts []string) *http.Server {
	handler := promhttp.HandlerFor(s.options.Metrics, promhttp.HandlerOpts{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		if !allowsHost(hosts, r.Host) {
			http.Error(w, "this service does not answer to that host name", http.StatusMisdirectedRequest)
			return
		}
		handler.ServeHTTP(w, r)
	})
	return &http.Server{
		Handler: mux, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readHeaderTimeout, WriteTimeout: writeGrace,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
}

// countRequests counts and times requests by route, method and status. No label contains text
// of the caller: not its path, not its Host, not an invented method.
func (s *Server) countRequests() echo.MiddlewareFunc {
	return echoprometheus.NewMiddlewareWithConfig(echoprometheus.MiddlewareConfig{
		Namespace:                 "lethe",
		Subsystem:                 "http",
		Registerer:                s.options.Metrics,
		DoNotUseRequestPathFor404: true,
		LabelFuncs: map[string]echoprometheus.LabelValueFunc{
			"url":    func(c echo.Context, _ error) string { return routeOf(c) },
			"host":   func(echo.Context, error) string { return "" },
			"method": func(c echo.Context, _ error) string { return knownMethod(c.Request().Method) },
		},
	})
}
