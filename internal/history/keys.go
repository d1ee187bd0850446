package history

import (
	"context"
	"strings"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

const (
	maxNameRunes = 100
	mintTries    = 3
)

// A KeyOption sets something of a new key that most keys do not need.
type KeyOption func(*auth.Key)

// WithSenderStyle sets how answers to the key name a person.
func WithSenderStyle(s auth.SenderStyle) KeyOption {
	return func(k *auth.Key) { k.SenderStyle = s }
}

// CreateKey creates a key for a workspace, and the workspace if it is new. It returns the key
// with its token, which is not stored and cannot be shown again. Invalid when a name is blank
// or too long, or no scope is given.
func (a Administration) CreateKey(ctx context.Context, workspace, name string, scopes []auth.Scope, options ...KeyOption) (auth.Key, string, error) {
	workspace, name = strings.TrimSpace(workspace), strings.TrimSpace(name)
	var found fault.Problems
	checkName(&found, "workspace", workspace)
	checkName(&found, "name", name)
	if len(scopes) == 0 {
		found.Add(fault.At("scopes"), "must name at least one: read, write, or both")
	}
	if err := found.Err(); err != nil {
		return auth.Key{}, "", err
	}
	var key auth.Key
	var token string
	var err error
	for range mintTries { // a prefix is taken with a chance of one in 2^40; then another one is tried
		key, token, err = a.history.mint(ctx, workspace, name, scopes, options)
		if !fault.Is(err, fault.Conflict) {
			break
		}
	}
	return key, token, err
}

func (h *History) mint(ctx context.Context, workspace, name string, scopes []auth.Scope, options []KeyOption) (auth.Key, string, error) {
	token, prefix := auth.MintToken()
	key := auth.Key{
		ID: chat.NewID(), WorkspaceName: workspace, Name: name, Prefix: prefix,
		Hash: auth.HashToken(token), Scopes: scopes, CreatedAt: chat.Clock(h.now()),
	}
	for _, set := range options {
		set(&key)
	}
	err := h.store.InTx(ctx, func(tx *store.Tx) (err error) {
		key.Workspace, err = tx.EnsureWorkspace(workspace)
		if err != nil {
			return err
		}
		return tx.CreateKey(key)
	})
	return key, token, err
}

// Keys lists the keys of a workspace, or of all when the name is empty, oldest
// first. NotFound when there is no such workspace.
func (a Administration) Keys(ctx context.Context, workspace string) ([]auth.Key, error) {
	view := a.history.store.View(ctx)
	var ws chat.WorkspaceID
	if workspace != "" {
		var err error
		if ws, err = view.Workspace(workspace); err != nil {
			return nil, err
		}
	}
	return view.Keys(ws)
}

// RevokeKey revokes the key with this id or prefix. NotFound when there is none.
func (a Administration) RevokeKey(ctx context.Context, idOrPrefix string) (key auth.Key, err error) {
	err = a.history.store.InDeletingTx(ctx, func(tx *store.Tx) error { // a deleting transaction also works on a full disk
		key, err = tx.RevokeKey(idOrPrefix)
		return err
	})
	return key, err
}
