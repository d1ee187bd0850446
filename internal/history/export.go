package history

import (
	"context"
	"iter"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
)

// Exported is a conversation with what people call its platform; that is empty
// when nobody said.
type Exported struct {
	chat.Transcript
	PlatformName string
}

// exportPage is how many conversations are looked up at once. Only one
// transcript is in memory at a time.
const exportPage = 100

// Export yields the conversations that pass the filter with their messages, in
// the order in which they were made. It holds no transaction open between them,
// so that it never keeps deleted storage from being reclaimed: what is deleted
// meanwhile is left out, and nothing comes twice. After an error it stops.
func (h *History) Export(ctx context.Context, ws chat.WorkspaceID, f chat.Filter) iter.Seq2[Exported, error] {
	return func(yield func(Exported, error) bool) {
		view := h.store.View(ctx)
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
				t, err := h.Transcript(ctx, ws, c.ID)
				if fault.Is(err, fault.NotFound) {
					continue
				}
				if !yield(Exported{Transcript: t, PlatformName: names[t.Platform]}, err) || err != nil {
					return
				}
			}
			if len(page) < exportPage {
				return
			}
		}
	}
}

// ExportOne returns one conversation as Export does; NotFound when the workspace
// has none of that id.
func (h *History) ExportOne(ctx context.Context, ws chat.WorkspaceID, id string) (Exported, error) {
	t, err := h.Transcript(ctx, ws, id)
	if err != nil {
		return Exported{}, err
	}
	names, err := h.store.View(ctx).PlatformNames(ws)
	return Exported{Transcript: t, PlatformName: names[t.Platform]}, err
}
