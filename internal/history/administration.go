package history

import (
	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/fault"
)

// Administration is what only the operator may do: create, list and delete keys and
// workspaces. A key with the scope admin does part of it through Access.
type Administration struct{ history *History }

// Administer returns the administration; Forbidden for every caller but the operator.
func (h *History) Administer(who auth.Principal) (Administration, error) {
	if !who.IsOperator() {
		return Administration{}, fault.New(fault.Forbidden, "keys and workspaces are managed by the operator, with `lethe keys` and `lethe workspaces`")
	}
	return Administration{history: h}, nil
}
