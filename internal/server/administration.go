package server

import (
	"context"
	"strings"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// administration serves keys and workspaces, and says who asks, for one request.
type administration struct {
	access  history.Access
	version string
}

// WhoAmI answers GET /api/me.
func (a *administration) WhoAmI(ctx context.Context, _ wire.WhoAmIRequestObject) (wire.WhoAmIResponseObject, error) {
	rights, err := a.access.Rights(ctx)
	if err != nil {
		return nil, err
	}
	return wire.WhoAmI200JSONResponse{
		Workspace: rights.Workspace, Scopes: rights.Scopes, KeyID: rights.KeyID, Version: a.version,
	}, nil
}

// ListKeys answers GET /api/keys.
func (a *administration) ListKeys(ctx context.Context, _ wire.ListKeysRequestObject) (wire.ListKeysResponseObject, error) {
	keys, err := a.access.Keys(ctx)
	if err != nil {
		return nil, err
	}
	return wire.ListKeys200JSONResponse{Items: each(keys, wireKey)}, nil
}

func wireKey(k auth.Key) api.Key {
	return api.Key{
		ID: k.ID, Name: k.Name, Workspace: k.WorkspaceName, Prefix: k.Prefix, Scopes: strings.Split(auth.JoinScopes(k.Scopes), ","),
		SenderStyle: textOrNil(string(k.SenderStyle)), CreatedAt: api.NewTime(k.CreatedAt), LastUsedAt: timeOrNil(k.LastUsedAt), RevokedAt: timeOrNil(k.RevokedAt),
	}
}

// CreateKey answers POST /api/keys.
func (a *administration) CreateKey(ctx context.Context, r wire.CreateKeyRequestObject) (wire.CreateKeyResponseObject, error) {
	scopes, err := auth.ParseScopes(strings.Join(r.Body.Scopes, ","))
	if err != nil {
		return nil, err
	}
	style, err := auth.ParseSenderStyle(value(r.Body.SenderStyle))
	if err != nil {
		return nil, err
	}
	key, err := a.access.CreateKey(ctx, r.Body.Workspace, r.Body.Name, scopes, history.WithSenderStyle(style))
	if err != nil {
		return nil, err
	}
	return wire.CreateKey200JSONResponse{ID: key.ID, Token: key.Token, Workspace: key.WorkspaceName}, nil
}

// RevokeKey answers DELETE /api/keys/{id}.
func (a *administration) RevokeKey(ctx context.Context, r wire.RevokeKeyRequestObject) (wire.RevokeKeyResponseObject, error) {
	key, err := a.access.RevokeKey(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return wire.RevokeKey200JSONResponse(wireKey(key)), nil
}

// ListWorkspaces answers GET /api/workspaces.
func (a *administration) ListWorkspaces(ctx context.Context, _ wire.ListWorkspacesRequestObject) (wire.ListWorkspacesResponseObject, error) {
	all, err := a.access.Workspaces(ctx)
	if err != nil {
		return nil, err
	}
	return wire.ListWorkspaces200JSONResponse{Items: each(all, func(w chat.Workspace) api.Workspace {
		return api.Workspace{Name: w.Name, Conversations: w.Conversations, CreatedAt: api.NewTime(w.CreatedAt)}
	})}, nil
}

// CreateWorkspace answers POST /api/workspaces.
func (a *administration) CreateWorkspace(ctx context.Context, r wire.CreateWorkspaceRequestObject) (wire.CreateWorkspaceResponseObject, error) {
	name, err := a.access.CreateWorkspace(ctx, r.Body.Name)
	if err != nil {
		return nil, err
	}
	return wire.CreateWorkspace200JSONResponse{Name: name}, nil
}

// CreatePageCode answers POST /api/page/code.
func (a *administration) CreatePageCode(ctx context.Context, _ wire.CreatePageCodeRequestObject) (wire.CreatePageCodeResponseObject, error) {
	code, err := a.access.PageCode(ctx)
	if err != nil {
		return nil, err
	}
	return wire.CreatePageCode200JSONResponse{Code: code}, nil
}
