package history

import (
	"context"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// PreviewDelete returns what a delete of these conversations would delete now. Pinned ones are counted too, because a
// delete by ids deletes them. Invalid when there is no id, or more than MaxDelete.
func (a Access) PreviewDelete(ctx context.Context, ids []chat.ConversationID) (chat.Preview, error) {
	return ask(ctx, a, OpPreviewDelete, func(ctx context.Context, h *History, ws chat.WorkspaceID) (p chat.Preview, err error) {
		switch n := len(ids); {
		case n == 0:
			return chat.Preview{}, fault.Breaks(fault.At("ids"), "must name at least one conversation")
		case n > MaxDelete:
			return chat.Preview{}, fault.Breaks(fault.At("ids"), "must name at most %d conversations, got %d", MaxDelete, n)
		}
		err = h.store.Snapshot(ctx, func(v *store.View) error {
			p, err = v.PreviewIDs(ws, fold(ids))
			return err
		})
		return p, err
	})
}

// PreviewMatching returns what a delete by filter would delete now. Pinned is the number of pinned conversations that
// match. They are deleted only if the delete includes pinned ones. Invalid as for DeleteMatching.
func (a Access) PreviewMatching(ctx context.Context, m chat.MatchingDelete) (chat.Preview, error) {
	return ask(ctx, a, OpPreviewMatching, func(ctx context.Context, h *History, ws chat.WorkspaceID) (p chat.Preview, err error) {
		filter, err := m.Selection()
		if err != nil {
			return chat.Preview{}, err
		}
		err = h.store.Snapshot(ctx, func(v *store.View) error {
			if p, err = v.PreviewMatching(ws, filter); err != nil || !filter.Unpinned {
				return err
			}
			spared := m.Filter
			spared.PinnedOnly = true
			p.Pinned, err = v.CountMatching(ws, spared)
			return err
		})
		return p, err
	})
}
