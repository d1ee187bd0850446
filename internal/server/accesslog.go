package server

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/fault"
)

// maxLoggedError limits the length of a logged error, because an internal error may quote
// a driver at length.
const maxLoggedError = 4_000

// accessLog logs one line per request. It logs the route and never the URL as it was sent:
// a query string contains titles and ids, a body contains what people wrote, and the
// Authorization header is a secret.
func (s *Server) accessLog(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		err := next(c)
		status := c.Response().Status
		attrs := []slog.Attr{
			slog.String("method", knownMethod(c.Request().Method)),
			slog.String("route", routeOf(c)),
			slog.Int("status", status),
			slog.Duration("duration", time.Since(start)),
			slog.String("request_id", c.Response().Header().Get(echo.HeaderXRequestID)),
		}
		if p, ok := askedBy(c); ok {
			attrs = append(attrs, slog.String("key_id", p.KeyID), slog.Int64("workspace_id", int64(p.Workspace)))
		}
		level := slog.LevelInfo
		if unattended[c.Path()] {
			level = slog.LevelDebug
		}
		if status >= http.StatusInternalServerError {
			level = slog.LevelError
			attrs = append(attrs, errorAttrs(errorOf(c))...)
		}
		s.log.LogAttrs(c.Request().Context(), level, "request", attrs...)
		return err
	}
}

// unattended are the routes that machines request every few seconds.
var unattended = map[string]bool{"/healthz": true, "/readyz": true, "/metrics": true}

// errorAttrs returns why the service failed, for its operator. Only faults of the service
// are logged; faults of a request may quote it and are never logged.
func errorAttrs(err error) []slog.Attr {
	if err == nil {
		return nil
	}
	text := err.Error()
	return []slog.Attr{
		slog.String("kind", fault.KindOf(err).String()),
		slog.String("error", text[:min(len(text), maxLoggedError)]),
	}
}

// routeOf returns the pattern of the route, such as /api/chat-history/imports/:id, or
// "unknown".
func routeOf(c echo.Context) string {
	if path := c.Path(); path != "" {
		return path
	}
	return "unknown"
}

// knownMethod keeps invented methods out of logs and labels.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return method
	}
	return "other"
}
