package history

import (
	"context"

	"github.com/lethe-chat/lethe/internal/auth"
)

// LocalKeyID is the key id of the token that a running service gives to the command line of the same user.
const LocalKeyID = "local"

// AuthenticateLocal is Authenticate for a request from this machine: it also accepts the token
// Options.LocalToken, for the workspace "default" with every scope. The transport must know
// that the request comes from this machine.
func (h *History) AuthenticateLocal(ctx context.Context, token string) (auth.Principal, error) {
	if !h.local.matches(token) {
		return h.Authenticate(ctx, token)
	}
	ctx, cancel := context.WithTimeout(ctx, authPatience)
	defer cancel()
	ws, err := h.defaultWorkspace(ctx)
	return auth.NewPrincipal(LocalKeyID, ws, auth.Read, auth.Write, auth.Admin), err
}
