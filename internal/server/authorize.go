package server

import (
	"context"
	"errors"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
)

// authTimeout bounds looking a key up, which happens before the request's own
// deadline begins.
const authTimeout = 5 * time.Second

type principalKey struct{}

// errScope marks the refusal of a key that lacks a scope.
var errScope = errors.New("a scope is missing")

// authorize lets a request pass whose key has the scope, and puts who it speaks
// for into its context.
func (s *Server) authorize(scope auth.Scope) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			p, err := s.principal(c)
			if err != nil {
				return err
			}
			ctx := context.WithValue(c.Request().Context(), principalKey{}, p)
			c.SetRequest(c.Request().WithContext(ctx))
			if !p.Can(scope) {
				return fault.Wrap(fault.Forbidden, errScope, "API key does not have the required scope for this operation (%s)", scope)
			}
			return next(c)
		}
	}
}

func (s *Server) principal(c echo.Context) (auth.Principal, error) {
	token, ok := auth.BearerToken(c.Request().Header.Get(echo.HeaderAuthorization))
	if !ok {
		return auth.Principal{}, fault.New(fault.Unauthenticated, "no API key: send it as 'Authorization: Bearer <key>'")
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), authTimeout)
	defer cancel()
	return s.history.Authenticate(ctx, token)
}

// principalOf returns who the request speaks for; false before authorize.
func principalOf(ctx context.Context) (auth.Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(auth.Principal)
	return p, ok
}

// workspace is the workspace of the request's key. Only handlers behind
// authorize call it; elsewhere it is 0, which no workspace has.
func workspace(ctx context.Context) chat.WorkspaceID {
	p, _ := principalOf(ctx)
	return p.Workspace
}
