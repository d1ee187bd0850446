package history

import (
	"context"
	"sync"
	"time"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// This file has what the service needs for itself. No caller asks for it, so no scope applies.

// Ready reports whether the store answers.
func (h *History) Ready(ctx context.Context) error { return h.store.Ping(ctx) }

// HasKeys reports whether a key was ever created.
func (h *History) HasKeys(ctx context.Context) (bool, error) { return h.store.View(ctx).AnyKey() }

// errBadKey is the same for every kind of bad key, so that it does not reveal which keys exist.
var errBadKey = fault.New(fault.Unauthenticated, "the API key is unknown or was revoked")

// EnvironmentKeyID is the key id of the token from the configuration.
const EnvironmentKeyID = "environment"

// authPatience is the time limit for looking up a key.
const authPatience = 5 * time.Second

// Authenticate returns the principal of a token, or Unauthenticated. It asks the database each time, so a revoked key
// stops working at once.
func (h *History) Authenticate(ctx context.Context, token string) (auth.Principal, error) {
	ctx, cancel := context.WithTimeout(ctx, authPatience)
	defer cancel()
	if h.static.matches(token) {
		ws, err := h.defaultWorkspace(ctx)
		return auth.NewPrincipal(EnvironmentKeyID, ws, auth.Read, auth.Write), err
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
	who := auth.NewPrincipal(key.ID, key.Workspace, key.Scopes...)
	who.Style = key.SenderStyle
	return who, nil
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

// staticKey is the hash of the token from the configuration.
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

// usage remembers in memory which keys were used since the last flush, so that a request writes nothing.
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

// FlushKeyUsage stores when keys were last used. The service calls it now and then, and before it stops.
func (h *History) FlushKeyUsage(ctx context.Context) error {
	used := h.usage.take()
	if len(used) == 0 {
		return nil
	}
	err := h.store.InTx(ctx, func(tx *store.Tx) error { return tx.TouchKeys(used) })
	if err != nil {
		for key, at := range used { // keep them for the next flush
			h.usage.note(key, at)
		}
	}
	return err
}
