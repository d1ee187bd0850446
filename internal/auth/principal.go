package auth

import (
	"slices"

	"github.com/lethe-chat/lethe/internal/chat"
)

// OperatorKeyID is the key id in receipts of the command line, which uses the database
// itself and needs no key.
const OperatorKeyID = "operator"

// Principal is the caller: a key with its scopes, or the operator of the service. It
// belongs to one workspace. Only package history decides what it may do; nothing else
// calls Can.
type Principal struct {
	KeyID     string
	Workspace chat.WorkspaceID
	Style     SenderStyle // of answers to the key
	scopes    []Scope
	operator  bool
}

// NewPrincipal returns the principal of a key.
func NewPrincipal(keyID string, ws chat.WorkspaceID, scopes ...Scope) Principal {
	return Principal{KeyID: keyID, Workspace: ws, scopes: slices.Clone(scopes)}
}

// Operator returns the principal of the command line on the database. It has every scope
// in the workspace and may administer all workspaces. Use workspace 0 for operations
// without a workspace. A key is never an operator.
func Operator(ws chat.WorkspaceID) Principal {
	return Principal{KeyID: OperatorKeyID, Workspace: ws, scopes: slices.Clone(allScopes), operator: true}
}

// Scopes returns the scopes of the principal.
func (p Principal) Scopes() []Scope { return slices.Clone(p.scopes) }

// Can reports whether the principal has the scope.
func (p Principal) Can(scope Scope) bool { return slices.Contains(p.scopes, scope) }

// IsOperator reports whether the principal may administer keys and workspaces.
func (p Principal) IsOperator() bool { return p.operator }
