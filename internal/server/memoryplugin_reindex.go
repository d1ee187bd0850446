package server

import (
	"context"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/server/wire"
)

// Reindex answers POST /api/chat-history/reindex.
func (m *memoryPlugin) Reindex(ctx context.Context, r wire.ReindexRequestObject) (wire.ReindexResponseObject, error) {
	if !r.Body.Failed {
		return nil, fault.Invalidf("failed must be true: only what could not be indexed is indexed again on request")
	}
	n, err := m.access.ReindexFailed(ctx)
	if err != nil {
		return nil, err
	}
	return wire.Reindex200JSONResponse{Queued: n}, nil
}
