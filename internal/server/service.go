package server

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/pkg/api"
)

// health answers that the process is running. It checks nothing.
func (s *Server) health(c echo.Context) error {
	s.prove(c.Response().Header(), c.Request())
	return c.JSON(http.StatusOK, api.Health{Status: api.HealthStatusOk, Version: s.options.Version})
}

// readiness says whether requests make sense: Unavailable while starting,
// refusing (see Refuse) and stopping, and when the store does not answer.
func (s *Server) readiness(c echo.Context) error {
	if err := s.refused(); err != nil {
		return err
	}
	if !s.ready.Load() {
		return fault.New(fault.Unavailable, "the service is starting or stopping")
	}
	if err := s.history.Ready(c.Request().Context()); err != nil {
		return fault.Wrap(fault.Unavailable, err, "the store cannot be used: %s", fault.Message(err))
	}
	return c.JSON(http.StatusOK, api.Health{Status: api.HealthStatusReady, Version: s.options.Version})
}
