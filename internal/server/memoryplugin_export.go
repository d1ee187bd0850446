package server

import (
	"context"
	"io"
	"iter"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/lethe"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// ExportConversations answers GET /api/chat-history/export.
func (m *memoryPlugin) ExportConversations(ctx context.Context, r wire.ExportConversationsRequestObject) (wire.ExportConversationsResponseObject, error) {
	selected, revisions, err := exportQuery(r.Params)
	if err != nil {
		return nil, err
	}
	write := lethe.Write
	if revisions {
		write = lethe.WriteRevision
	}
	if id := value(r.Params.ConversationID); id != "" {
		one, err := m.access.ExportOne(ctx, chat.ConversationID(id))
		if err != nil {
			return nil, err
		}
		return exported{ctx, func(yield func(history.Exported, error) bool) { yield(one, nil) }, write}, nil
	}
	return exported{ctx, m.access.Export(ctx, selected), write}, nil
}

func exportQuery(p api.ExportConversationsParams) (selected chat.Filter, revisions bool, err error) {
	var f fields
	selected = queryFilter{
		provider: p.Provider, platform: p.Platform, title: p.Title, importID: p.ImportID,
		from: p.DateFrom, to: p.DateTo, pinned: p.Pinned, pinnedOnly: p.PinnedOnly,
		archived: p.Archived, starred: p.Starred, project: p.Project,
	}.read(&f)
	selected.Unpinned = f.queryBool("excludePinned", p.ExcludePinned)
	if selected.PinnedOnly && selected.Unpinned {
		f.refuse("give pinnedOnly or excludePinned, not both: no conversation is pinned and not pinned")
	}
	revisions = f.queryBool("revisions", p.Revisions)
	return selected, revisions, f.err()
}

// firstForHead makes a HEAD of an export stop after the first line, because the status
// depends only on that line.
func firstForHead(next wire.StrictHandlerFunc, _ string) wire.StrictHandlerFunc {
	return func(c echo.Context, request any) (any, error) {
		answer, err := next(c, request)
		if all, ok := answer.(exported); ok && c.Request().Method == http.MethodHead {
			lines := all.conversations
			all.conversations = func(yield func(history.Exported, error) bool) {
				for line, err := range lines {
					yield(line, err)
					return
				}
			}
			return all, err
		}
		return answer, err
	}
}

// exported is an answer that is written while it is read from the store. It holds the context
// of its request.
type exported struct {
	ctx           context.Context //nolint:containedctx // the answer is written after the handler has returned
	conversations iter.Seq2[history.Exported, error]
	write         func(w io.Writer, c chat.Conversation, parts iter.Seq2[chat.Part, error], displayName string) error
}

// VisitExportConversationsResponse writes the lines.
func (e exported) VisitExportConversationsResponse(w http.ResponseWriter) error {
	out := &streamedAnswer{w: w, header: map[string]string{
		echo.HeaderContentType:        lethe.MediaType,
		echo.HeaderContentDisposition: `attachment; filename="lethe-export.jsonl"`,
	}}
	for c, err := range e.conversations {
		if err != nil {
			return err
		}
		if err := e.write(out, c.Conversation, c.Parts(e.ctx), c.PlatformName); err != nil {
			return err
		}
	}
	_, err := out.Write(nil) // a file without lines has a head, too
	return err
}
