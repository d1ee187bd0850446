package server

import (
	"net"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/fault"
)

// checkHost refuses requests for a host name that is not ours. A page elsewhere
// can make its own name resolve to this address (DNS rebinding) and would then
// be of the same origin; the Host header still has its name.
func (s *Server) checkHost(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if len(s.options.Hosts) == 0 || slices.ContainsFunc(s.options.Hosts, func(known string) bool {
			return strings.EqualFold(hostName(known), hostName(c.Request().Host))
		}) {
			return next(c)
		}
		return fault.New(fault.Forbidden, "this service does not answer to that host name; the operator can allow it")
	}
}

// hostName is the name in a Host header: without port, brackets and final dot.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.TrimSuffix(strings.Trim(host, "[]"), ".")
}
