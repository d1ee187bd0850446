package history

import (
	"context"
	"time"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// How often an answer that is read page by page checks whether its key is still valid. Such an answer may take hours.
const (
	keyWatchEvery = time.Second
	keyWatchCount = 20 // number of conversations and pages
)

// keyWatch ends an answer when its key is revoked. Each answer has its own.
type keyWatch struct {
	store   *store.Store
	now     func() time.Time
	who     auth.Principal
	asked   time.Time
	between int // calls since the last check
}

func (h *History) watchKey(who auth.Principal) *keyWatch {
	return &keyWatch{store: h.store, now: h.now, who: who}
}

// check returns Unauthenticated when the key was revoked. It asks the database only after some time or some calls.
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
	return nil // the operator and the configured key are not in the database
}
