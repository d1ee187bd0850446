package server

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// extensionSchemes are the schemes of browser extensions. Their ids cannot be listed,
// because Firefox generates one for each installation. An origin proves nothing here; only
// the key does.
var extensionSchemes = []string{"chrome-extension://", "moz-extension://", "safari-web-extension://"}

// The answer to a preflight. Authorization must be listed: "*" does not include it.
const (
	corsMethods = "GET, HEAD, POST, PATCH, DELETE, OPTIONS"
	corsHeaders = "Authorization, Content-Type, Idempotency-Key, X-Request-Id, Mcp-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, Last-Event-ID"
	corsExpose  = "Retry-After, X-Request-Id"
	corsMaxAge  = "7200" // seconds; browsers keep it no longer
)

// cors lets allowed origins read every answer, including errors, and answers preflights
// before a key is required. A request for a foreign host is allowed nothing. Credentials are
// not allowed, because cookies are never used.
func (s *Server) cors() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r, h := c.Request(), c.Response().Header()
			origin := r.Header.Get(echo.HeaderOrigin)
			h.Add(echo.HeaderVary, echo.HeaderOrigin)
			allowed := origin != "" && s.answersTo(r.Host) && s.allowsOrigin(origin, r)
			if allowed {
				h.Set(echo.HeaderAccessControlAllowOrigin, origin)
				h.Set(echo.HeaderAccessControlExposeHeaders, corsExpose)
			}
			if r.Method != http.MethodOptions || r.Header.Get(echo.HeaderAccessControlRequestMethod) == "" {
				return next(c)
			}
			h.Add(echo.HeaderVary, echo.HeaderAccessControlRequestMethod)
			h.Add(echo.HeaderVary, echo.HeaderAccessControlRequestHeaders)
			if allowed {
				h.Set(echo.HeaderAccessControlAllowMethods, corsMethods)
				h.Set(echo.HeaderAccessControlAllowHeaders, corsHeaders)
				h.Set(echo.HeaderAccessControlMaxAge, corsMaxAge)
				if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
					h.Set("Access-Control-Allow-Private-Network", "true")
				}
			}
			return c.NoContent(http.StatusNoContent)
		}
	}
}

func (s *Server) allowsOrigin(origin string, r *http.Request) bool {
	for _, scheme := range extensionSchemes {
		if len(origin) > len(scheme) && strings.HasPrefix(origin, scheme) {
			return true
		}
	}
	if slices.Contains(s.options.CORSOrigins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && strings.EqualFold(u.Host, r.Host)
}
