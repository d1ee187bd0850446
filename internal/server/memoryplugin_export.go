package server

import (
	"context"
	"io"
	"iter"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/archive"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/lethe"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// ExportConversations answers GET /api/chat-history/export.
func (m *memoryPlugin) ExportConversations(ctx context.Context, r wire.ExportConversationsRequestObject) (wire.ExportConversationsResponseObject, error) {
	asked, err := exportQuery(r.Params)
	if err != nil {
		return nil, err
	}
	if asked.everything {
		return everything{ctx, m.access.Everything(ctx)}, nil
	}
	write := lethe.Write
	if asked.revisions {
		write = lethe.WriteRevision
	}
	if id := value(r.Params.ConversationID); id != "" {
		one, err := m.access.ExportOne(ctx, chat.ConversationID(id))
		if err != nil {
			return nil, err
		}
		return exported{ctx, func(yield func(history.Exported, error) bool) { yield(one, nil) }, write}, nil
	}
	return exported{ctx, m.access.Export(ctx, asked.selected), write}, nil
}

// askedExport is what an export was asked for.
type askedExport struct {
	selected   chat.Filter
	revisions  bool
	everything bool
}

func exportQuery(p api.ExportConversationsParams) (asked askedExport, err error) {
	var f fields
	selected := queryFilter{
		provider: p.Provider, platform: p.Platform, title: p.Title, importID: p.ImportID,
		from: p.DateFrom, to: p.DateTo, pinned: p.Pinned, pinnedOnly: p.PinnedOnly,
		archived: p.Archived, starred: p.Starred, project: p.Project,
	}.read(&f)
	selected.Unpinned = f.queryBool("excludePinned", p.ExcludePinned)
	if selected.PinnedOnly && selected.Unpinned {
		f.refuse("give pinnedOnly or excludePinned, not both: no conversation is pinned and not pinned")
	}
	asked = askedExport{selected, f.queryBool("revisions", p.Revisions), f.queryBool("everything", p.Everything)}
	if asked.everything && (selected != (chat.Filter{}) || asked.revisions || value(p.ConversationID) != "") {
		f.refuse("everything takes no filter and no other parameter: it exports all that is stored")
	}
	return asked, f.err()
}

// firstForHead makes a HEAD of an export stop after the first line, because the status
// depends only on that line.
func firstForHead(next wire.StrictHandlerFunc, _ string) wire.StrictHandlerFunc {
	return func(c echo.Context, request any) (any, error) {
		answer, err := next(c, request)
		if c.Request().Method != http.MethodHead {
			return answer, err
		}
		switch all := answer.(type) {
		case exported:
			all.conversations = firstOf(all.conversations)
			return all, err
		case everything:
			all.records = firstOf(all.records)
			return all, err
		}
		return answer, err
	}
}

// firstOf yields only the first item.
func firstOf[T any](items iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for item, err := range items {
			yield(item, err)
			return
		}
	}
}

// exported is an answer that is written while it is read from the store. It has the context
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

// everything is an export of everything that is written while it is read from the store. It
// holds the context of its request.
type everything struct {
	ctx     context.Context //nolint:containedctx // the answer is written after the handler has returned
	records iter.Seq2[history.Record, error]
}

// VisitExportConversationsResponse writes the lines.
func (e everything) VisitExportConversationsResponse(w http.ResponseWriter) error {
	return archive.Write(e.ctx, &streamedAnswer{w: w, header: map[string]string{
		echo.HeaderContentType:        lethe.MediaType,
		echo.HeaderContentDisposition: `attachment; filename="lethe-everything.jsonl"`,
	}}, e.records)
}
