package server

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// Served returns the routes that Echo answers, as "METHOD /path".
func (s *Server) Served() []string {
	var list []string
	for _, r := range s.echo.Routes() {
		list = append(list, r.Method+" "+r.Path)
	}
	return list
}

// AddPanic adds a route that panics with a text that callers must not see.
func (s *Server) AddPanic(path, secret string) {
	s.echo.GET(path, func(echo.Context) error { panic(secret) })
}

// AddWaiting adds a route that waits until the client disconnects, and reports when it
// has started.
func (s *Server) AddWaiting(path string, entered chan<- struct{}) {
	s.echo.GET(path, func(c echo.Context) error {
		close(entered)
		<-c.Request().Context().Done()
		return c.Request().Context().Err()
	})
}

// AddError adds a route that fails with err.
func (s *Server) AddError(path string, err error) {
	s.echo.Add(http.MethodGet, path, func(echo.Context) error { return err })
}
