package server

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/events"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// eventKinds are the kinds that a client may ask for.
var eventKinds = []events.Kind{events.Import, events.Index, events.Deletion}

// WatchEvents answers GET /api/chat-history/events.
func (m *memoryPlugin) WatchEvents(ctx context.Context, r wire.WatchEventsRequestObject) (wire.WatchEventsResponseObject, error) {
	var q history.WatchQuery
	for _, name := range listed(r.Params.Kind) {
		if !slices.Contains(eventKinds, events.Kind(name)) {
			return nil, fault.Invalidf("kind must be import, index or deletion")
		}
		q.Kinds = append(q.Kinds, events.Kind(name))
	}
	return m.watch(ctx, q), nil
}

// WatchImport answers GET /api/chat-history/imports/{id}/events.
func (m *memoryPlugin) WatchImport(ctx context.Context, r wire.WatchImportRequestObject) (wire.WatchImportResponseObject, error) {
	return m.watch(ctx, history.WatchQuery{ImportID: r.ID}), nil
}

func (m *memoryPlugin) watch(ctx context.Context, q history.WatchQuery) watched {
	ctx, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(m.stopping, cancel)
	return watched{moves: m.access.Watch(ctx, q), end: func() { unhook(); cancel() }, head: m.head}
}

// watched is an answer of server-sent events.
type watched struct {
	moves iter.Seq2[history.Moved, error]
	end   func()
	head  bool // a HEAD request: only the header is sent
}

// VisitWatchEventsResponse writes the events.
func (a watched) VisitWatchEventsResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitWatchImportResponse writes the events.
func (a watched) VisitWatchImportResponse(w http.ResponseWriter) error { return a.write(w) }

// write sends each event at once, and a comment when nothing changes, so that proxies keep the connection open. It
// ends when the client stops reading. After the header was sent, a stream ends without an error: the client connects
// again and then gets the reason.
func (a watched) write(w http.ResponseWriter) error {
	defer a.end()
	out := &streamedAnswer{w: w, header: map[string]string{echo.HeaderContentType: "text/event-stream", "X-Accel-Buffering": "no"}}
	for moved, err := range a.moves {
		switch {
		case err != nil && !out.begun:
			return err
		case err != nil:
			return nil
		}
		if _, err := out.Write(eventOf(moved)); err != nil {
			return err
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return fmt.Errorf("%w: %w", errGone, err)
		}
		if a.head {
			return nil
		}
	}
	_, err := out.Write(nil)
	return err
}

// eventOf returns an event in the form that is sent; a comment when nothing has changed.
func eventOf(m history.Moved) []byte {
	var kind events.Kind
	var data any
	switch {
	case m.Import != nil:
		kind, data = events.Import, importEvent(*m.Import)
	case m.Index != nil:
		kind, data = events.Index, api.IndexEvent{Queued: m.Index.Queued, Indexing: m.Index.Indexing, Failed: m.Index.Failed}
	case m.Deletion != nil:
		kind, data = events.Deletion, api.DeletionEvent{ID: string(m.Deletion.ID), Reclaimed: m.Deletion.ReclaimedAt != nil}
	default:
		return []byte(": nothing has moved\n\n")
	}
	text, err := json.Marshal(data)
	if err != nil { // numbers and ids can be written
		return nil
	}
	return fmt.Appendf(nil, "event: %s\ndata: %s\n\n", kind, text)
}

// importEvent is what an event says of an import: no name and no reason.
func importEvent(i chat.Import) api.ImportEvent {
	all := importOf(i)
	return api.ImportEvent{
		ID: all.ID, State: all.State, Status: all.Status, BytesRead: all.BytesRead, FileSize: all.FileSize, Counts: all.Counts,
		Ready: all.Ready, Pending: all.Pending, Failed: all.Failed,
	}
}
