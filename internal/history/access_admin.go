package history

import (
	"context"
	"strings"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
)

// Rights says what a caller may do.
type Rights struct {
	KeyID     string
	Workspace string // name of the workspace
	Scopes    []string
}

// Rights returns what the caller may do.
func (a Access) Rights(ctx context.Context) (Rights, error) {
	return ask(ctx, a, OpRights, func(ctx context.Context, h *History, ws chat.WorkspaceID) (Rights, error) {
		name, err := h.store.View(ctx).WorkspaceName(ws)
		return Rights{KeyID: a.who.KeyID, Workspace: name, Scopes: strings.Split(auth.JoinScopes(a.who.Scopes()), ",")}, err
	})
}

// Keys is Administration.Keys for a key with the scope admin.
func (a Access) Keys(ctx context.Context) ([]auth.Key, error) {
	return ask(ctx, a, OpKeys, func(ctx context.Context, h *History, _ chat.WorkspaceID) ([]auth.Key, error) {
		return Administration{h}.Keys(ctx, "")
	})
}

// NewKey is a key with the token that opens it, which is shown once.
type NewKey struct {
	auth.Key
	Token string
}

// CreateKey is Administration.CreateKey for a key with the scope admin.
func (a Access) CreateKey(ctx context.Context, workspace, name string, scopes []auth.Scope, options ...KeyOption) (NewKey, error) {
	return ask(ctx, a, OpCreateKey, func(ctx context.Context, h *History, _ chat.WorkspaceID) (NewKey, error) {
		key, token, err := Administration{h}.CreateKey(ctx, workspace, name, scopes, options...)
		return NewKey{key, token}, err
	})
}

// RevokeKey is Administration.RevokeKey for a key with the scope admin.
func (a Access) RevokeKey(ctx context.Context, id string) (auth.Key, error) {
	return ask(ctx, a, OpRevokeKey, func(ctx context.Context, h *History, _ chat.WorkspaceID) (auth.Key, error) {
		return Administration{h}.RevokeKey(ctx, id)
	})
}

// Workspaces is Administration.Workspaces for a key with the scope admin.
func (a Access) Workspaces(ctx context.Context) ([]chat.Workspace, error) {
	return ask(ctx, a, OpWorkspaces, func(ctx context.Context, h *History, _ chat.WorkspaceID) ([]chat.Workspace, error) {
		return Administration{h}.Workspaces(ctx)
	})
}

// CreateWorkspace is Administration.CreateWorkspace for a key with the scope admin.
func (a Access) CreateWorkspace(ctx context.Context, name string) (string, error) {
	return ask(ctx, a, OpCreateWorkspace, func(ctx context.Context, h *History, _ chat.WorkspaceID) (string, error) {
		_, err := Administration{h}.CreateWorkspace(ctx, name)
		return name, err
	})
}
