package auth

import (
	"slices"

	"github.com/lethe-chat/lethe/internal/chat"
)

// OperatorKeyID stands for the command line in receipts: it works on the database
// itself and needs no key.
const OperatorKeyID = "operator"

// Principal is who asks: a key with its scopes, or the operator of the service. It
// speaks for one workspace. What it may do is decided in one place, package history;
// nothing else asks Can.
type Principal struct {
	KeyID     string
	Workspace chat.WorkspaceID
	scopes    []Scope
	operator  bool
}

// NewPrincipal returns the principal that a key stands for.
func NewPrincipal(keyID string, ws chat.WorkspaceID, scopes ...Scope) Principal {
	return Principal{KeyID: keyID, Workspace: ws, scopes: slices.Clone(scopes)}
}

// Operator returns the principal of the command line on the database: it has every
// scope in the workspace and may administer all of them. Use workspace 0 for what
// concerns no single workspace. No key is ever an operator.
func Operator(ws chat.WorkspaceID) Principal {
	return Principal{KeyID: OperatorKeyID, Workspace: ws, scopes: []Scope{Read, Write}, operator: true}
}

// Can reports whether the principal has the scope.
func (p Principal) Can(scope Scope) bool { return slices.Contains(p.scopes, scope) }

// IsOperator reports whether the principal may administer keys and workspaces.
func (p Principal) IsOperator() bool { return p.operator }
