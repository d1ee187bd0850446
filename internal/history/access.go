package history

import (
	"context"
	"errors"
	"time"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
)

// Access is what one caller may do with one workspace. Every transport uses it: each
// operation first refuses callers whose scopes do not allow it (Forbidden), and each has a
// time limit (Canceled).
//
// A transport calls As for each request. An Access is safe for concurrent use.
type Access struct {
	history *History
	who     auth.Principal

	idempotencyKey string // of the request; empty for none
}

// As returns a caller's access to its workspace, for one request. It returns RateLimited,
// with the time to wait, when the caller sends too many requests. The operator has no limit.
func (h *History) As(who auth.Principal) (Access, error) {
	if !who.IsOperator() {
		if err := h.limiter.admit(who.KeyID); err != nil {
			return Access{}, err
		}
	}
	return Access{history: h, who: who}, nil
}

// AsOperator is As for the command line on the database, which has every scope.
func (h *History) AsOperator(ws chat.WorkspaceID) Access {
	return Access{history: h, who: auth.Operator(ws)}
}

// SenderStyle is how answers to the caller name a person.
func (a Access) SenderStyle() auth.SenderStyle { return a.who.Style }

// May returns Forbidden when the caller's scopes do not allow the operation. The operation
// checks that itself; a transport may call May before it reads a large body.
func (a Access) May(op Operation) error {
	d, known := demands[op]
	if !known {
		return fault.New(fault.Internal, "no operation is called %q", op)
	}
	return a.need(d.scope)
}

// errScope is the cause of a refusal for lack of a scope.
var errScope = errors.New("a scope is missing")

// IsScope reports whether the error says that the caller lacks a scope.
func IsScope(err error) bool { return errors.Is(err, errScope) }

func (a Access) need(scope auth.Scope) error {
	if scope == anyScope || a.who.Can(scope) {
		return nil
	}
	return fault.Wrap(fault.Forbidden, errScope, "this needs an API key with the scope %s", scope)
}

// mayRead reports whether the caller may see what is stored.
func (a Access) mayRead() bool { return a.who.Can(auth.Read) }

// by returns the key id for the receipt of a delete.
func (a Access) by(o chat.DeleteOptions) chat.DeleteOptions {
	o.KeyID = a.who.KeyID
	return o
}

// ask runs one operation for the caller if its scopes allow it.
func ask[T any](ctx context.Context, a Access, op Operation, do func(ctx context.Context, h *History, ws chat.WorkspaceID) (T, error)) (answer T, err error) {
	return askWithin(ctx, a, op, a.history.Patience(op), do)
}

// askWithin is ask with a given time limit for the operation; 0 means no limit.
func askWithin[T any](ctx context.Context, a Access, op Operation, limit time.Duration, do func(ctx context.Context, h *History, ws chat.WorkspaceID) (T, error)) (answer T, err error) {
	if err := a.May(op); err != nil {
		return answer, err
	}
	ctx, cancel := within(ctx, limit)
	defer cancel()
	return do(ctx, a.history, a.who.Workspace)
}
