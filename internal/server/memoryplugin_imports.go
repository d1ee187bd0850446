package server

import (
	"context"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// ListImports answers GET /api/chat-history/imports.
func (m *memoryPlugin) ListImports(ctx context.Context, r wire.ListImportsRequestObject) (wire.ListImportsResponseObject, error) {
	var f fields
	number, size := f.page(r.Params.Page, r.Params.PageSize)
	if err := f.err(); err != nil {
		return nil, err
	}
	page, err := m.access.Imports(ctx, number, size)
	if err != nil {
		return nil, err
	}
	return wire.ListImports200JSONResponse{
		Items: each(page.Items, importOf), Page: page.Page, PageSize: page.PageSize,
		Total: page.Total, TotalPages: (page.Total + page.PageSize - 1) / page.PageSize,
	}, nil
}

// GetImport answers GET /api/chat-history/imports/{id}.
func (m *memoryPlugin) GetImport(ctx context.Context, r wire.GetImportRequestObject) (wire.GetImportResponseObject, error) {
	found, err := m.access.Import(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return wire.GetImport200JSONResponse(importOf(found)), nil
}

func importOf(i chat.Import) api.Import {
	return api.Import{
		ID: i.ID, Kind: i.Kind, Platform: i.Platform,
		Status: api.ImportStatus(i.Status), Error: textOrNil(i.Error),
		Conversations: i.Conversations, Messages: i.Messages,
		Ready: i.Ready, Pending: i.Pending, Failed: i.Failed, CreatedAt: api.NewTime(i.CreatedAt),
	}
}
