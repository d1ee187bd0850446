package history

import (
	"context"
	"time"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// How often an answer that is read page by page asks whether its key still counts: it
// may take hours.
const (
	keyWatchEvery = time.Second
	keyWatchCount = 20 // conversations and pages
)

// keyWatch ends an answer whose key is revoked. It is for one answer.
type keyWatch struct {
	store   *store.Store
	now     func() time.Time
	who     auth.Principal
	asked   time.Time
	between int // calls since then
}

func (h *History) watchKey(who auth.Principal) *keyWatch {
	return &keyWatch{store: h.store, now: h.now, who: who}
}

// check returns Unauthenticated when the key was revoked. It asks now and then.
func (k *keyWatch) check(ctx context.Context) error {
	k.between++
	now := k.now()
	if k.between < keyWatchCount && now.Sub(k.asked) < keyWatchEvery {
		return nil
	}
	k.asked, k.between = now, 0
	keys, err := k.store.View(ctx).Keys(k.who.Workspace)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if key.ID == k.who.KeyID && key.RevokedAt != nil {
			return fault.New(fault.Unauthenticated, "the API key was revoked")
		}
	}
	return nil // the operator and the key of the configuration are in no list
}
