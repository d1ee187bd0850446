package history

import (
	"context"
	"errors"
	"time"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
)

// Access is what one caller may do with one workspace. It is the way in for every
// transport: each operation refuses what the caller's scopes do not allow
// (Forbidden), before it looks at anything else, and ends in time (Canceled).
//
// A transport asks for one with As for each request that it answers. It is safe for
// concurrent use.
type Access struct {
	history *History
	who     auth.Principal
}

// As returns the access of a caller to its workspace, for one request. It returns
// RateLimited, with the time to wait, when the caller has asked too often. The
// operator is not limited.
func (h *History) As(who auth.Principal) (Access, error) {
	if !who.IsOperator() {
		if err := h.limiter.admit(who.KeyID); err != nil {
			return Access{}, err
		}
	}
	return Access{history: h, who: who}, nil
}

// AsOperator is As for the command line on the database, which may do everything.
func (h *History) AsOperator(ws chat.WorkspaceID) Access {
	return Access{history: h, who: auth.Operator(ws)}
}

// May returns Forbidden when the caller's scopes do not allow the operation. The
// operation says so itself; a transport may ask before it reads a large body.
func (a Access) May(op Operation) error {
	d, known := demands[op]
	if !known {
		return fault.New(fault.Internal, "no operation is called %q", op)
	}
	return a.need(d.scope)
}

// errScope is the cause of a refusal because of a scope.
var errScope = errors.New("a scope is missing")

// IsScope reports whether the error says that the caller lacks a scope.
func IsScope(err error) bool { return errors.Is(err, errScope) }

func (a Access) need(scope auth.Scope) error {
	if a.who.Can(scope) {
		return nil
	}
	return fault.Wrap(fault.Forbidden, errScope, "this needs an API key with the scope %s", scope)
}

// mayRead reports whether the caller may see what is stored.
func (a Access) mayRead() bool { return a.who.Can(auth.Read) }

// by is who is written into the receipt of a delete.
func (a Access) by(o chat.DeleteOptions) chat.DeleteOptions {
	o.KeyID = a.who.KeyID
	return o
}

// ask does one operation for the caller, if it may.
func ask[T any](ctx context.Context, a Access, op Operation, do func(ctx context.Context, h *History, ws chat.WorkspaceID) (T, error)) (answer T, err error) {
	return askWithin(ctx, a, op, a.history.Patience(op), do)
}

// askWithin is ask with a limit of its own for how long the operation may take; 0 is
// none.
func askWithin[T any](ctx context.Context, a Access, op Operation, limit time.Duration, do func(ctx context.Context, h *History, ws chat.WorkspaceID) (T, error)) (answer T, err error) {
	if err := a.May(op); err != nil {
		return answer, err
	}
	ctx, cancel := within(ctx, limit)
	defer cancel()
	return do(ctx, a.history, a.who.Workspace)
}
