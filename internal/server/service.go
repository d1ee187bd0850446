package server

import (
	"net/http"

	"github.com/labstack/echo-contrib/echoprometheus"
	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/pkg/api"
)

// health says that the process answers, and looks at nothing.
func (s *Server) health(c echo.Context) error {
	return c.JSON(http.StatusOK, api.Health{Status: api.HealthStatusOk, Version: s.options.Version})
}

// readiness says whether requests make sense: Unavailable while starting and
// stopping, and when the store does not answer.
func (s *Server) readiness(c echo.Context) error {
	if !s.ready.Load() {
		return fault.New(fault.Unavailable, "the service is starting or stopping")
	}
	if err := s.history.Ready(c.Request().Context()); err != nil {
		return fault.Wrap(fault.Unavailable, err, "the store is not answering")
	}
	return c.JSON(http.StatusOK, api.Health{Status: api.HealthStatusReady, Version: s.options.Version})
}

// openAPI serves the contract.
func openAPI(c echo.Context) error {
	return c.Blob(http.StatusOK, "application/yaml; charset=utf-8", lethe.OpenAPI)
}

// metrics serves what countRequests counted, and whatever else the program put
// into the same registry.
func (s *Server) metrics() echo.HandlerFunc {
	return echoprometheus.NewHandlerWithConfig(echoprometheus.HandlerConfig{Gatherer: s.options.Metrics})
}

// countRequests counts and times requests by route, method and status. The
// labels take no text of the caller's: not its path, not its Host, not a method
// that it made up.
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
