package history

import (
	"context"
	"iter"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/recall"
	"github.com/lethe-chat/lethe/internal/search"
)

// Conversations returns one page of the workspace's conversations. Page sizes over
// the maximum are clamped; a page past the end is empty.
func (a Access) Conversations(ctx context.Context, q chat.ListQuery) (chat.Page[chat.Conversation], error) {
	return ask(ctx, a, OpConversations, func(ctx context.Context, h *History, ws chat.WorkspaceID) (chat.Page[chat.Conversation], error) {
		return h.conversations(ctx, ws, q)
	})
}

// Read opens a conversation whose messages are read page by page; NotFound when the
// workspace has no conversation with that id.
func (a Access) Read(ctx context.Context, id chat.ConversationID) (*Reading, error) {
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

// Stats returns the statistics of the workspace.
func (a Access) Stats(ctx context.Context) (chat.Stats, error) {
	return ask(ctx, a, OpStats, func(ctx context.Context, h *History, ws chat.WorkspaceID) (chat.Stats, error) {
		return h.stats(ctx, ws)
	})
}

// Imports returns one page of the workspace's imports, newest first.
func (a Access) Imports(ctx context.Context, page, pageSize int) (chat.Page[chat.Import], error) {
	return ask(ctx, a, OpImports, func(ctx context.Context, h *History, ws chat.WorkspaceID) (chat.Page[chat.Import], error) {
		return h.imports(ctx, ws, page, pageSize)
	})
}

// Import returns one import; NotFound when the workspace has no import with that id.
func (a Access) Import(ctx context.Context, id string) (chat.Import, error) {
	return ask(ctx, a, OpImport, func(ctx context.Context, h *History, ws chat.WorkspaceID) (chat.Import, error) {
		return h.importByID(ctx, ws, id)
	})
}

// Watch yields what moves in the workspace, until ctx ends: imports, the number of conversations
// that wait for indexing, and receipts of deletes. It begins with the imports that are running
// and with the index, so a caller that begins again misses nothing that lasts. When nothing
// moves it yields an empty Moved now and then. It stops after an error, such as Unauthenticated
// when the caller's key is revoked, and NotFound when the import does not exist. A watch of one
// import ends when the import is done.
func (a Access) Watch(ctx context.Context, q WatchQuery) iter.Seq2[Moved, error] {
	if err := a.May(OpWatch); err != nil {
		return func(yield func(Moved, error) bool) { yield(Moved{}, err) }
	}
	return a.history.watch(ctx, a.who, q)
}

// Deletions returns one page of the workspace's receipts, newest first.
func (a Access) Deletions(ctx context.Context, page, pageSize int) (chat.Page[chat.Deletion], error) {
	return ask(ctx, a, OpDeletions, func(ctx context.Context, h *History, ws chat.WorkspaceID) (chat.Page[chat.Deletion], error) {
		return h.deletions(ctx, ws, page, pageSize)
	})
}

// Deletion returns one receipt; NotFound when the workspace has no receipt with that id.
func (a Access) Deletion(ctx context.Context, id chat.DeletionID) (chat.Deletion, error) {
	return ask(ctx, a, OpDeletion, func(ctx context.Context, h *History, ws chat.WorkspaceID) (chat.Deletion, error) {
		return h.deletion(ctx, ws, id)
	})
}

// Search finds passages by words and by meaning and fuses the two rankings. If there is a
// reranker, it orders the best passages. Invalid when the query is blank or too long, or the
// mode is unknown. If the embedder does not answer, the result is that of search.Keyword; if
// the reranker does not answer, the order stays as it was. The answer says so in both cases,
// and neither is an error.
func (a Access) Search(ctx context.Context, q search.Query) (search.Result, error) {
	return ask(ctx, a, OpSearch, func(ctx context.Context, h *History, ws chat.WorkspaceID) (search.Result, error) {
		return h.search.Search(ctx, ws, q)
	})
}

// Recall returns a digest of the passages that answer the query best, within the token
// budget, each with its date and source. A language model writes it if one is configured and
// answers; otherwise the passages are quoted. The text is delimited as data, so that a model
// does not read it as instructions. It contains nothing that was deleted while it was
// written. Invalid when there is no query, or more than recall.MaxQueries.
func (a Access) Recall(ctx context.Context, q recall.Query) (recall.Answer, error) {
	return ask(ctx, a, OpRecall, func(ctx context.Context, h *History, ws chat.WorkspaceID) (recall.Answer, error) {
		return h.recall.Recall(ctx, ws, q)
	})
}

// Walk returns one page of the conversations that changed in a window of time, with their
// messages, and the cursors to continue from. Larger page sizes are reduced to the maximum.
// A page ends early when its texts reach 8 MiB.
//
// A walk along Older returns every conversation once that is neither deleted nor changed
// during the walk, whatever else is added or deleted. The same is true of the walk back
// along Newer.
//
// A cursor is the id of a conversation and represents its place: where it is now, or where it
// was when it was deleted. A conversation that changes moves to the newest end. A walk along
// Older from such a cursor then returns some conversations again. A walk along Newer begins
// again when its cursor has left the window, and otherwise skips the conversations that the
// cursor has passed. So a walk that must not miss anything needs a window that ends in the
// past.
//
// Invalid when the window or the cursor is not valid. A conversation that was deleted and
// uploaded again is no longer a valid cursor.
func (a Access) Walk(ctx context.Context, q chat.WalkQuery) (WalkPage, error) {
	return ask(ctx, a, OpWalk, func(ctx context.Context, h *History, ws chat.WorkspaceID) (WalkPage, error) {
		return h.walk(ctx, ws, q)
	})
}

// Export yields the conversations that pass the filter with their messages, oldest creation
// first. It holds no transaction open between them, so that it never blocks a reclaim:
// conversations that are deleted meanwhile are left out, and none comes twice. It stops after
// an error, such as Forbidden, or Unauthenticated when the caller's key is revoked meanwhile.
func (a Access) Export(ctx context.Context, f chat.Filter) iter.Seq2[Exported, error] {
	if err := a.May(OpExport); err != nil {
		return func(yield func(Exported, error) bool) { yield(Exported{}, err) }
	}
	return a.history.export(ctx, a.who.Workspace, a.history.watchKey(a.who), f)
}

// ExportOne returns one conversation as Export does; NotFound when the workspace has no
// conversation with that id.
func (a Access) ExportOne(ctx context.Context, id chat.ConversationID) (Exported, error) {
	return ask(ctx, a, OpExportOne, func(ctx context.Context, h *History, _ chat.WorkspaceID) (Exported, error) {
		return h.exportOne(ctx, a.who, id)
	})
}
