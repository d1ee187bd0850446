package server

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/server/wire"
)

// withKey serves a route that needs a key. Each request gets its own handlers, which hold
// the access of its key.
func (s *Server) withKey(r route) echo.HandlerFunc {
	return s.guarded(r, r.does, func(access history.Access) echo.HandlerFunc {
		return func(c echo.Context) error { return r.answer(s.handlersFor(access, c.Request()), c) }
	})
}

// guarded asks for a key before it lets a handler answer. A request without permission or
// above its rate limit is refused before its body is read. slowest is the operation of the
// route that may take longest.
func (s *Server) guarded(r route, slowest history.Operation, handler func(history.Access) echo.HandlerFunc) echo.HandlerFunc {
	answer := func(access history.Access) echo.HandlerFunc {
		return s.reserve(r.maxBody)(limitBody(r.maxBody)(understand(r.reading)(handler(access))))
	}
	return func(c echo.Context) error {
		c.Set(doesKey, r.does)
		access, err := s.access(c)
		if err != nil {
			return err
		}
		if err := access.May(r.does); err != nil {
			return err
		}
		if access, err = once(access, r.does, c.Request().Header); err != nil {
			return err
		}
		s.extendWriting(c, slowest)
		return answer(access)(c)
	}
}

// idempotencyHeader names the idempotency key of a request (draft-ietf-httpapi-idempotency-key-header).
const idempotencyHeader = "Idempotency-Key"

// once returns the access with the idempotency key of a request, if it has one and the operation takes one.
func once(access history.Access, does history.Operation, h http.Header) (history.Access, error) {
	sent := h.Values(idempotencyHeader)
	switch {
	case len(sent) == 0 || !does.TakesIdempotencyKey():
		return access, nil
	case len(sent) > 1:
		return history.Access{}, fault.Invalidf("send one %s, not %d; nothing was changed", idempotencyHeader, len(sent))
	}
	return access.WithIdempotencyKey(strings.TrimSpace(sent[0]))
}

// access returns the access of the key of a request.
func (s *Server) access(c echo.Context) (history.Access, error) {
	token, ok := auth.BearerToken(c.Request().Header.Get(echo.HeaderAuthorization))
	if !ok {
		return history.Access{}, fault.New(fault.Unauthenticated, "no API key: send it as 'Authorization: Bearer <key>'")
	}
	authenticate := s.history.Authenticate
	if fromThisMachine(c.Request()) {
		authenticate = s.history.AuthenticateLocal
	}
	who, err := authenticate(c.Request().Context(), token)
	switch {
	case fault.Is(err, fault.Unauthenticated):
		return history.Access{}, fault.Wrap(fault.Unauthenticated, err, "%s", badKey)
	case err != nil:
		return history.Access{}, err
	}
	c.Set(askedByKey, who)
	return s.history.As(who)
}

// handlersFor returns the handlers of all routes with a key, for one request.
func (s *Server) handlersFor(access history.Access, r *http.Request) *wire.ServerInterfaceWrapper {
	return &wire.ServerInterfaceWrapper{Handler: wire.NewStrictHandler(handlers{
		&memoryPlugin{
			access: access, imports: s.options.Imports, maxLine: s.options.MaxLine, length: r.ContentLength, markdown: s.markdown,
			sender: cmp.Or(access.SenderStyle(), s.options.SenderStyle), stopping: s.stopping, head: r.Method == http.MethodHead,
		},
		&fini{access: access},
		&documents{access},
		&administration{access: access, version: s.options.Version},
	}, []wire.StrictMiddlewareFunc{firstForHead})}
}

// extendWriting gives the answer to a long operation more time to be sent.
func (s *Server) extendWriting(c echo.Context, op history.Operation) {
	limit := s.history.Patience(op)
	if limit <= s.history.Patience(ordinary) {
		return // the connection's own time is enough; streams set theirs line by line
	}
	err := http.NewResponseController(c.Response()).SetWriteDeadline(time.Now().Add(writeTimeout(limit)))
	if err != nil { // a late answer may be cut off; the operation itself is not affected
		s.log.DebugContext(c.Request().Context(), "no longer write deadline", "error", err)
	}
}

// ordinary is an operation with the usual time limit.
const ordinary = history.OpSearch

// askedByKey is the key under which Echo stores who sent the request, only for the log.
const askedByKey = "lethe.asked-by"

// askedBy returns who sent the request; false if unknown.
func askedBy(c echo.Context) (auth.Principal, bool) {
	who, ok := c.Get(askedByKey).(auth.Principal)
	return who, ok
}
