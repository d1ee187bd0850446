package history

import (
	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/fault"
)

// Administration is what the operator may do: make, list and delete keys and
// workspaces. No key opens it.
type Administration struct{ history *History }

// Administer returns the administration; Forbidden for everybody but the operator.
func (h *History) Administer(who auth.Principal) (Administration, error) {
	if !who.IsOperator() {
		return Administration{}, fault.New(fault.Forbidden, "keys and workspaces are managed by the operator, with `lethe keys` and `lethe workspaces`")
	}
	return Administration{history: h}, nil
}
