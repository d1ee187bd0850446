package server

import (
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/fault"
)

// probes are answered under any host name, because an orchestrator uses the program's
// address. They reveal nothing about anybody.
var probes = map[string]bool{"/healthz": true, "/readyz": true}

// checkHost refuses requests for a foreign host name. A page elsewhere can make its own name
// resolve to this address (DNS rebinding) and would then have the same origin, but the Host
// header still has the page's name.
func (s *Server) checkHost(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if probes[c.Path()] || s.answersTo(c.Request().Host) {
			return next(c)
		}
		return fault.Wrap(fault.Forbidden, httpStatus(http.StatusMisdirectedRequest),
			"this service does not answer to that host name; the operator can allow it with LETHE_ALLOWED_HOSTS")
	}
}

// answersTo reports whether a Host header names this service.
func (s *Server) answersTo(host string) bool { return allowsHost(s.options.Hosts, host) }

// allowsHost reports whether a Host header has one of the names. Without names, every host
// is allowed.
func allowsHost(names []string, host string) bool {
	return len(names) == 0 || slices.ContainsFunc(names, func(known string) bool {
		return strings.EqualFold(hostName(known), hostName(host))
	})
}

// hostName returns the name in a Host header without port, brackets and final dot.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.TrimSuffix(strings.Trim(host, "[]"), ".")
}
