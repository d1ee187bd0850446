package server

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/lethe"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// ExportConversations answers GET /api/chat-history/export.
func (m *memoryPlugin) ExportConversations(ctx context.Context, r wire.ExportConversationsRequestObject) (wire.ExportConversationsResponseObject, error) {
	write := lethe.Write
	switch revisions, err := queryBool("revisions", r.Params.Revisions); {
	case err != nil:
		return nil, err
	case revisions:
		write = lethe.WriteRevision
	}
	if id := value(r.Params.ConversationID); id != "" {
		one, err := m.access.ExportOne(ctx, id)
		if err != nil {
			return nil, err
		}
		return exported{func(yield func(history.Exported, error) bool) { yield(one, nil) }, write}, nil
	}
	selected, err := exportFilter(r.Params)
	if err != nil {
		return nil, err
	}
	return exported{m.access.Export(ctx, selected), write}, nil
}

func exportFilter(p api.ExportConversationsParams) (chat.Filter, error) {
	f, err := queryFilter{
		provider: p.Provider, platform: p.Platform, title: p.Title, importID: p.ImportID,
		from: p.DateFrom, to: p.DateTo, pinned: p.Pinned, pinnedOnly: p.PinnedOnly,
	}.read()
	if err != nil {
		return f, err
	}
	if f.Unpinned, err = queryBool("excludePinned", p.ExcludePinned); err != nil {
		return f, err
	}
	if f.PinnedOnly && f.Unpinned {
		return f, fault.Invalidf("give pinnedOnly or excludePinned, not both: no conversation is pinned and not pinned")
	}
	return f, nil
}

// exported is an answer that is written while it is read from the store.
type exported struct {
	conversations iter.Seq2[history.Exported, error]
	write         func(w io.Writer, t chat.Transcript, displayName string) error
}

// linePatience is how long one line may take to be read and taken.
const linePatience = 30 * time.Second

// VisitExportConversationsResponse writes the lines. What fails before the first
// is answered like any error; later that can only be told by cutting the
// connection: half a file must not look whole.
func (e exported) VisitExportConversationsResponse(w http.ResponseWriter) error {
	begun := false
	begin := func() {
		w.Header().Set("Content-Type", lethe.MediaType)
		w.Header().Set("Content-Disposition", `attachment; filename="lethe-export.jsonl"`)
		w.WriteHeader(http.StatusOK)
		begun = true
	}
	deadline := http.NewResponseController(w)
	for c, err := range e.conversations {
		switch {
		case err != nil && !begun:
			return err
		case err != nil:
			panic(http.ErrAbortHandler)
		case !begun:
			begin()
		}
		if err := deadline.SetWriteDeadline(time.Now().Add(linePatience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			panic(http.ErrAbortHandler)
		}
		if err := e.write(w, c.Transcript, c.PlatformName); err != nil {
			panic(http.ErrAbortHandler) // whoever asked is gone
		}
	}
	if !begun {
		begin()
	}
	return nil
}
