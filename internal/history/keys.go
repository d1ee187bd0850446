package history

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// errBadKey is the one answer to every kind of bad key (the text is the
// documented one of Fini's API).
var errBadKey = fault.New(fault.Unauthenticated, "Invalid or revoked API key")

const (
	maxNameRunes = 100
	mintTries    = 3
)

// EnvironmentKeyID is the key id of the token that the configuration gives.
const EnvironmentKeyID = "environment"

// Authenticate returns who a token speaks for, or Unauthenticated. The database
// is asked each time, so a revoked key stops at once.
func (h *History) Authenticate(ctx context.Context, token string) (auth.Principal, error) {
	if h.static.matches(token) {
		ws, err := h.defaultWorkspace(ctx)
		return auth.Principal{KeyID: EnvironmentKeyID, Workspace: ws, Scopes: []auth.Scope{auth.Read, auth.Write}}, err
	}
	prefix, ok := auth.TokenPrefix(token)
	if !ok {
		return auth.Principal{}, errBadKey
	}
	key, err := h.store.View(ctx).KeyByPrefix(prefix)
	switch {
	case fault.Is(err, fault.NotFound):
		return auth.Principal{}, errBadKey
	case err != nil:
		return auth.Principal{}, err
	case !key.Hash.Equal(auth.HashToken(token)), key.RevokedAt != nil:
		return auth.Principal{}, errBadKey
	}
	h.usage.note(keyUse{Workspace: key.Workspace, ID: key.ID}, h.now())
	return auth.Principal{KeyID: key.ID, Workspace: key.Workspace, Scopes: key.Scopes}, nil
}

// CreateKey mints a key for a workspace, making the workspace when it is new,
// and returns it with its token, which is not stored and cannot be shown again.
// Invalid when a name is blank or too long, or no scope is given.
func (h *History) CreateKey(ctx context.Context, workspace, name string, scopes []auth.Scope) (auth.Key, string, error) {
	workspace, name = strings.TrimSpace(workspace), strings.TrimSpace(name)
	for field, value := range map[string]string{"workspace": workspace, "name": name} {
		if err := checkName(field, value); err != nil {
			return auth.Key{}, "", err
		}
	}
	if len(scopes) == 0 {
		return auth.Key{}, "", fault.Invalidf("give at least one scope: read, write, or both")
	}
	var key auth.Key
	var token string
	var err error
	for range mintTries { // a taken prefix is a one in 2^40 event, but it has an answer
		key, token, err = h.mint(ctx, workspace, name, scopes)
		if !fault.Is(err, fault.Conflict) {
			break
		}
	}
	return key, token, err
}

func (h *History) mint(ctx context.Context, workspace, name string, scopes []auth.Scope) (auth.Key, string, error) {
	token, prefix := auth.MintToken()
	key := auth.Key{
		ID: chat.NewID(), WorkspaceName: workspace, Name: name, Prefix: prefix,
		Hash: auth.HashToken(token), Scopes: scopes, CreatedAt: chat.Clock(h.now()),
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
func (h *History) Keys(ctx context.Context, workspace string) ([]auth.Key, error) {
	view := h.store.View(ctx)
	var ws chat.WorkspaceID
	if workspace != "" {
		var err error
		if ws, err = view.Workspace(workspace); err != nil {
			return nil, err
		}
	}
	return view.Keys(ws)
}

// HasKeys reports whether any key was ever made.
func (h *History) HasKeys(ctx context.Context) (bool, error) { return h.store.View(ctx).AnyKey() }

// RevokeKey makes the key with this id or prefix useless from now on. NotFound
// when there is none.
func (h *History) RevokeKey(ctx context.Context, idOrPrefix string) (key auth.Key, err error) {
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		key, err = tx.RevokeKey(idOrPrefix)
		return err
	})
	return key, err
}

func (h *History) defaultWorkspace(ctx context.Context) (ws chat.WorkspaceID, err error) {
	ws, err = h.store.View(ctx).Workspace(chat.DefaultWorkspace)
	if !fault.Is(err, fault.NotFound) {
		return ws, err
	}
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		ws, err = tx.EnsureWorkspace(chat.DefaultWorkspace)
		return err
	})
	return ws, err
}

// staticKey is the token of the configuration, as a hash.
type staticKey struct {
	hash       auth.Hash
	configured bool
}

func (k *staticKey) set(token string) {
	if token != "" {
		k.hash, k.configured = auth.HashToken(token), true
	}
}

func (k *staticKey) matches(token string) bool {
	return k.configured && k.hash.Equal(auth.HashToken(token))
}

type keyUse = auth.KeyRef

// usage remembers which keys were used since the last flush, so that a request
// costs no write.
type usage struct {
	mu      sync.Mutex
	minutes map[keyUse]time.Time
}

func (u *usage) note(key keyUse, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if at = at.Truncate(time.Minute); at.After(u.minutes[key]) {
		u.minutes[key] = at
	}
}

func (u *usage) take() map[keyUse]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	taken := u.minutes
	u.minutes = make(map[keyUse]time.Time)
	return taken
}

// FlushKeyUsage writes down when keys were last used. The service calls it now
// and then, and before it stops.
func (h *History) FlushKeyUsage(ctx context.Context) error {
	used := h.usage.take()
	if len(used) == 0 {
		return nil
	}
	err := h.store.InTx(ctx, func(tx *store.Tx) error { return tx.TouchKeys(used) })
	if err != nil {
		for key, at := range used { // try again with the next flush
			h.usage.note(key, at)
		}
	}
	return err
}
