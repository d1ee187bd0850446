package server

import (
	"net/http"
	"runtime/debug"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/fault"
)

// middleware is the chain that every request passes, outermost first. The log and the metrics
// see the status that the caller sees, so everything that may fail is inside them. Only the
// check of the host comes before CORS, so browsers can read every other refusal.
func (s *Server) middleware() []echo.MiddlewareFunc {
	return []echo.MiddlewareFunc{
		requestID,
		s.cutOff,
		s.pace,
		s.accessLog,
		s.countRequests(),
		s.answerErrors,
		recoverPanics,
		secureHeaders,
		s.checkHost,
		s.refuse,
		s.cors(),
		readQuery,
	}
}

// answerErrors renders a handler's error inside the log and the metrics, so that they see the
// answer. errorOf still returns the error to them.
func (s *Server) answerErrors(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		asked := c.Request().Context()
		err := next(c)
		if err == nil {
			return nil
		}
		c.Set(errorKey, err)
		leaveBody(c)
		if !c.Response().Committed && wentAway(asked, err) {
			c.Response().Status = statusClientGone
			return nil
		}
		s.renderError(err, c)
		return nil
	}
}

const errorKey = "lethe.error"

// errorOf returns the error that the request ended with, or nil.
func errorOf(c echo.Context) error {
	err, _ := c.Get(errorKey).(error)
	return err
}

// recoverPanics turns a panic into an internal error. Only the log has the stack.
func recoverPanics(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler: // the way to say "drop this connection"
				panic(p)
			default:
				err = fault.New(fault.Internal, "panic: %v\n%s", p, debug.Stack())
			}
		}()
		return next(c)
	}
}

// secureHeaders limits what a browser may do with an answer. The documentation page has its
// own policy.
func secureHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-store")
		return next(c)
	}
}
