package history

import (
	"context"
	"iter"
	"time"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// Exported is a conversation with what people call its platform; that is empty
// when nobody said.
type Exported struct {
	*Reading
	PlatformName string
}

// exportPage is how many conversations are looked up at once. Only one page of
// one conversation's messages is in memory at a time.
const exportPage = 100

// export is Access.Export.
func (h *History) export(ctx context.Context, who auth.Principal, f chat.Filter) iter.Seq2[Exported, error] {
	return func(yield func(Exported, error) bool) {
		ws, view := who.Workspace, h.store.View(ctx)
		key := keyWatch{view: view, who: who}
		names, err := view.PlatformNames(ws)
		if err != nil {
			yield(Exported{}, err)
			return
		}
		for after := ""; ; {
			page, err := view.ConversationsAfter(ws, f, after, exportPage)
			if err != nil {
				yield(Exported{}, err)
				return
			}
			for _, c := range page {
				after = c.ID
				if err := key.check(h.now()); err != nil {
					yield(Exported{}, err)
					return
				}
				r, err := h.read(ctx, ws, c.ID)
				if fault.Is(err, fault.NotFound) {
					continue
				}
				if !yield(Exported{Reading: r, PlatformName: names[c.Platform]}, err) || err != nil {
					return
				}
			}
			if len(page) < exportPage {
				return
			}
		}
	}
}

// exportOne is Access.ExportOne.
func (h *History) exportOne(ctx context.Context, ws chat.WorkspaceID, id string) (Exported, error) {
	r, err := h.read(ctx, ws, id)
	if err != nil {
		return Exported{}, err
	}
	names, err := h.store.View(ctx).PlatformNames(ws)
	return Exported{Reading: r, PlatformName: names[r.Platform]}, err
}

// How often an export asks whether its key still counts: it may take hours.
const (
	keyWatchEvery = time.Second
	keyWatchCount = 20 // conversations
)

// keyWatch ends an export whose key is revoked.
type keyWatch struct {
	view    *store.View
	who     auth.Principal
	asked   time.Time
	between int // conversations since then
}

// check returns Unauthenticated when the key was revoked. It asks now and then.
func (k *keyWatch) check(now time.Time) error {
	k.between++
	if k.between < keyWatchCount && now.Sub(k.asked) < keyWatchEvery {
		return nil
	}
	k.asked, k.between = now, 0
	keys, err := k.view.Keys(k.who.Workspace)
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
