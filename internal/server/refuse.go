package server

import (
	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/fault"
)

// attended are the routes that are answered while the service refuses all others.
var attended = map[string]bool{"/healthz": true, "/readyz": true, "/metrics": true}

// Refuse makes the service answer Unavailable with a reason to everything but probes and metrics, until
// it is called with nil.
func (s *Server) Refuse(reason func() string) {
	if reason == nil {
		s.refusing.Store(nil)
		return
	}
	s.refusing.Store(&reason)
}

// refused returns the error of a service that refuses requests; nil when it does not.
func (s *Server) refused() error {
	reason := s.refusing.Load()
	if reason == nil {
		return nil
	}
	return fault.New(fault.Unavailable, "%s", (*reason)())
}

// refuse is the middleware that keeps requests from a service that is not open yet.
func (s *Server) refuse(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := s.refused(); err != nil && !attended[c.Path()] {
			return err
		}
		return next(c)
	}
}
