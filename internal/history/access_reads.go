package history

import (
	"context"
	"iter"

	"github.com/lethe-chat/lethe/internal/chat"
)

// Conversations returns one page of the workspace's conversations. Page sizes over
// the maximum are clamped; a page past the end is empty.
func (a Access) Conversations(ctx context.Context, q chat.ListQuery) (chat.Page, error) {
	return ask(ctx, a, OpConversations, func(ctx context.Context, h *History, ws chat.WorkspaceID) (chat.Page, error) {
		return h.conversations(ctx, ws, q)
	})
}

// Read begins to read a conversation, whose messages are then read as they are asked
// for; NotFound when the workspace has none of that id.
func (a Access) Read(ctx context.Context, id string) (*Reading, error) {
	return ask(ctx, a, OpRead, func(ctx context.Context, h *History, ws chat.WorkspaceID) (*Reading, error) {
		return h.read(ctx, ws, id, h.watchKey(a.who))
	})
}

// Count returns how many conversations the workspace has.
func (a Access) Count(ctx context.Context) (int, error) {
	return ask(ctx, a, OpCount, func(ctx context.Context, h *History, ws chat.WorkspaceID) (int, error) {
		return h.count(ctx, ws)
	})
}

// Stats sums up the workspace.
func (a Access) Stats(ctx context.Context) (chat.Stats, error) {
	return ask(ctx, a, OpStats, func(ctx context.Context, h *History, ws chat.WorkspaceID) (chat.Stats, error) {
		return h.stats(ctx, ws)
	})
}

// Imports returns one page of the workspace's imports, newest first.
func (a Access) Imports(ctx context.Context, page, pageSize int) (ImportPage, error) {
	return ask(ctx, a, OpImports, func(ctx context.Context, h *History, ws chat.WorkspaceID) (ImportPage, error) {
		return h.imports(ctx, ws, page, pageSize)
	})
}

// Import returns one import; NotFound when the workspace has none of that id.
func (a Access) Import(ctx context.Context, id string) (chat.Import, error) {
	return ask(ctx, a, OpImport, func(ctx context.Context, h *History, ws chat.WorkspaceID) (chat.Import, error) {
		return h.importByID(ctx, ws, id)
	})
}

// Deletions returns one page of the workspace's receipts, newest first.
func (a Access) Deletions(ctx context.Context, page, pageSize int) (DeletionPage, error) {
	return ask(ctx, a, OpDeletions, func(ctx context.Context, h *History, ws chat.WorkspaceID) (DeletionPage, error) {
		return h.deletions(ctx, ws, page, pageSize)
	})
}

// Deletion returns one receipt; NotFound when the workspace has none of that id.
func (a Access) Deletion(ctx context.Context, id string) (chat.Deletion, error) {
	return ask(ctx, a, OpDeletion, func(ctx context.Context, h *History, ws chat.WorkspaceID) (chat.Deletion, error) {
		return h.deletion(ctx, ws, id)
	})
}

// Search finds passages by words and by meaning, fuses the two, and has a reranker
// order the best, where there is one. Invalid when the query is blank, too long,
// or the mode unknown. When the embedder is down, the answer is Keyword's and says
// so; when the reranker is down, the first order stands, and the answer says that
// too. Neither is an error.
func (a Access) Search(ctx context.Context, q SearchQuery) (SearchResult, error) {
	return ask(ctx, a, OpSearch, func(ctx context.Context, h *History, ws chat.WorkspaceID) (SearchResult, error) {
		return h.search(ctx, ws, q)
	})
}

// Recall writes a digest of the passages that answer the query best, within the
// token budget, each dated and cited. A language model writes it where there is one
// and it does; else the passages are quoted. The text is recalled, not trusted: it
// is delimited as data, so that nothing in it reads as an instruction. What was
// deleted while the digest was being written is not in it. Invalid when there is no
// query, or more than MaxRecallQueries.
func (a Access) Recall(ctx context.Context, q RecallQuery) (Recollection, error) {
	return ask(ctx, a, OpRecall, func(ctx context.Context, h *History, ws chat.WorkspaceID) (Recollection, error) {
		return h.recall(ctx, ws, q)
	})
}

// Walk returns one page of the conversations that changed in a window of time,
// with their messages, and the cursors that lead on from it. Page sizes over the
// maximum are clamped, and a page ends early when its texts come to 8 MiB.
//
// A walk along Older sees every conversation once that is neither deleted nor
// changed while it lasts, whatever else is added or deleted, and so does the walk
// back along Newer.
//
// A cursor is the id of a conversation and stands for its place: where it is now, or
// where it was when it was deleted. One that was changed meanwhile has moved towards
// the newest. A walk along Older then sees some conversations a second time, and a
// walk along Newer begins again when its cursor has left the window; inside the
// window it passes over those that the cursor's conversation has passed, so a walk
// that must not miss anything has a window that ends in the past.
//
// Invalid when the window or the cursor is none. A conversation is forgotten as a
// cursor when it was deleted and uploaded again.
func (a Access) Walk(ctx context.Context, q chat.WalkQuery) (WalkPage, error) {
	return ask(ctx, a, OpWalk, func(ctx context.Context, h *History, ws chat.WorkspaceID) (WalkPage, error) {
		return h.walk(ctx, ws, q)
	})
}

// Export yields the conversations that pass the filter with their messages, in the
// order in which they were made. It holds no transaction open between them, so that
// it never keeps deleted storage from being reclaimed: what is deleted meanwhile is
// left out, and nothing comes twice. After an error, which Forbidden is too, it
// stops; so it does, with Unauthenticated, when the caller's key is revoked
// meanwhile.
func (a Access) Export(ctx context.Context, f chat.Filter) iter.Seq2[Exported, error] {
	if err := a.May(OpExport); err != nil {
		return func(yield func(Exported, error) bool) { yield(Exported{}, err) }
	}
	return a.history.export(ctx, a.who, f)
}

// ExportOne returns one conversation as Export does; NotFound when the workspace
// has none of that id.
func (a Access) ExportOne(ctx context.Context, id string) (Exported, error) {
	return ask(ctx, a, OpExportOne, func(ctx context.Context, h *History, _ chat.WorkspaceID) (Exported, error) {
		return h.exportOne(ctx, a.who, id)
	})
}
