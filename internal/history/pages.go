package history

import (
	"context"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store"
)

// maxPage prevents an overflow of page times page size.
const maxPage = 1_000_000

// clampPage returns a page and a size that exist: the first page for 0 and less, the default
// size for 0.
func clampPage(page, size int) (clampedPage, clampedSize int) {
	if size == 0 {
		size = chat.DefaultPageSize
	}
	return min(max(page, 1), maxPage), min(max(size, 1), chat.MaxPageSize)
}

// pageOf reads one page and the total of a listing in one snapshot.
func pageOf[T any](ctx context.Context, h *History, page, size int, read func(v *store.View, page, size int) ([]T, int, error)) (chat.Page[T], error) {
	page, size = clampPage(page, size)
	p := chat.Page[T]{Page: page, PageSize: size}
	err := h.store.Snapshot(ctx, func(v *store.View) (err error) {
		p.Items, p.Total, err = read(v, page, size)
		return err
	})
	return p, err
}

// conversations is Access.Conversations.
func (h *History) conversations(ctx context.Context, ws chat.WorkspaceID, q chat.ListQuery) (chat.Page[chat.Conversation], error) {
	return pageOf(ctx, h, q.Page, q.PageSize, func(v *store.View, page, size int) ([]chat.Conversation, int, error) {
		q.Page, q.PageSize = page, size
		return v.Conversations(ws, q)
	})
}

// imports is Access.Imports.
func (h *History) imports(ctx context.Context, ws chat.WorkspaceID, page, pageSize int) (chat.Page[chat.Import], error) {
	return pageOf(ctx, h, page, pageSize, func(v *store.View, page, size int) ([]chat.Import, int, error) { return v.Imports(ws, page, size) })
}

// deletions is Access.Deletions.
func (h *History) deletions(ctx context.Context, ws chat.WorkspaceID, page, pageSize int) (chat.Page[chat.Deletion], error) {
	return pageOf(ctx, h, page, pageSize, func(v *store.View, page, size int) ([]chat.Deletion, int, error) { return v.Deletions(ws, page, size) })
}
