package server

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/pkg/api"
)

// statusOf is the only table of the HTTP status for each kind of error.
var statusOf = map[fault.Kind]int{
	fault.Internal:        http.StatusInternalServerError,
	fault.Invalid:         http.StatusBadRequest,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden:       http.StatusForbidden,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.Mismatch:        http.StatusUnprocessableEntity,
	fault.TooLarge:        http.StatusRequestEntityTooLarge,
	fault.Unsupported:     http.StatusUnsupportedMediaType,
	fault.RateLimited:     http.StatusTooManyRequests,
	fault.Unavailable:     http.StatusServiceUnavailable,
	fault.Canceled:        http.StatusServiceUnavailable, // our deadline; a caller that disconnected reads nothing
}

// httpStatus is the cause of an error that has a status only in HTTP.
type httpStatus int

// Error names the status.
func (s httpStatus) Error() string { return http.StatusText(int(s)) }

// problem is an error as the wire shows it, independent of the envelope.
type problem struct {
	status  int
	message string
	cause   error
}

// problemOf converts an error. Echo's own errors concern routes and parameters and have a
// status; every other error is a fault or unexpected.
func problemOf(err error, names fault.Names) problem {
	var routing *echo.HTTPError
	var known *fault.Error
	if errors.As(err, &routing) && !errors.As(err, &known) {
		return routingProblem(routing)
	}
	status := statusOf[fault.KindOf(err)]
	var only httpStatus
	if errors.As(err, &only) {
		status = int(only)
	}
	return problem{status, worded(err, names), err}
}

func routingProblem(err *echo.HTTPError) problem {
	switch err.Code {
	case http.StatusNotFound:
		return problem{err.Code, "no such path; /openapi.yaml lists those there are", err}
	case http.StatusMethodNotAllowed:
		return problem{err.Code, "this path does not have that method; the Allow header lists those it has", err}
	case http.StatusBadRequest: // the generated binder, about a query parameter
		if text, ok := err.Message.(string); ok {
			return problem{err.Code, text, err}
		}
	}
	return problem{http.StatusInternalServerError, fault.Message(err), err}
}

// envelope is the form of an error in one of the APIs.
type envelope func(problem) any

// chatHistoryEnvelope is MemoryPlugin's envelope. It is used for everything that does not
// belong to another API.
func chatHistoryEnvelope(p problem) any {
	if changed, ok := changedResponse(p); ok {
		return changed
	}
	return api.ErrorResponse{Error: p.message}
}

// envelopeFor chooses by the path, because an error may occur before a route is found.
func envelopeFor(path string) envelope {
	switch {
	case strings.HasPrefix(path, finiRoot):
		return finiEnvelope
	case isDocuments(path):
		return documentEnvelope
	}
	return chatHistoryEnvelope
}

// renderError answers a request that failed. No other code does.
func (s *Server) renderError(err error, c echo.Context) {
	if c.Response().Committed { // the status is out
		s.cutLater(err, c)
		return
	}
	path := c.Request().URL.Path
	p := problemOf(err, namesOf(c))
	switch {
	case strings.HasPrefix(path, finiRoot):
		p = withoutBots(path, p)
	case isDocuments(path):
		p = withoutDocuments(p)
	}
	h := c.Response().Header()
	switch p.status {
	case http.StatusUnauthorized:
		h.Set(echo.HeaderWWWAuthenticate, "Bearer")
	case http.StatusServiceUnavailable:
		if h.Get(echo.HeaderRetryAfter) == "" {
			h.Set(echo.HeaderRetryAfter, "1")
		}
	}
	if wait := fault.RetryAfter(err); wait > 0 {
		h.Set(echo.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
	if err := c.JSON(p.status, envelopeFor(path)(p)); err != nil {
		s.log.DebugContext(c.Request().Context(), "the answer could not be written", "error", err)
	}
}
