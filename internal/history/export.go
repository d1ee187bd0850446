package history

import (
	"context"
	"iter"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
)

// Exported is a conversation and the display name of its platform, which may be empty.
type Exported struct {
	*Reading
	PlatformName string
}

// exportPage is the number of conversations per page. Only one page of messages of one conversation is in memory at a
// time.
const exportPage = 100

// export is Access.Export, for the answer that the key is watched for.
func (h *History) export(ctx context.Context, ws chat.WorkspaceID, key *keyWatch, f chat.Filter) iter.Seq2[Exported, error] {
	return func(yield func(Exported, error) bool) {
		view := h.store.View(ctx)
		names, err := view.PlatformNames(ws)
		if err != nil {
			yield(Exported{}, err)
			return
		}
		for after := chat.ConversationID(""); ; {
			page, err := view.ConversationsAfter(ws, f, after, exportPage)
			if err != nil {
				yield(Exported{}, err)
				return
			}
			for _, c := range page {
				after = c.ID
				if err := key.check(ctx); err != nil {
					yield(Exported{}, err)
					return
				}
				r, err := h.read(ctx, ws, c.ID, key)
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
func (h *History) exportOne(ctx context.Context, who auth.Principal, id chat.ConversationID) (Exported, error) {
	r, err := h.read(ctx, who.Workspace, id, h.watchKey(who))
	if err != nil {
		return Exported{}, err
	}
	names, err := h.store.View(ctx).PlatformNames(who.Workspace)
	return Exported{Reading: r, PlatformName: names[r.Platform]}, err
}
