package server

import (
	"context"
	"maps"
	"slices"
	"time"

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
		Total: page.Total, TotalPages: page.TotalPages(),
	}, nil
}

// GetImport answers GET /api/chat-history/imports/{id}.
func (m *memoryPlugin) GetImport(ctx context.Context, r wire.GetImportRequestObject) (wire.GetImportResponseObject, error) {
	found, err := m.access.Import(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return wire.GetImport200JSONResponse(wholeImport(found)), nil
}

// importOf is an import without its report, which only answers about one import have.
func importOf(i chat.Import) api.Import {
	return api.Import{
		ID: i.ID, Kind: i.Kind, Platform: i.Platform, Platforms: each(i.Platforms, func(p string) string { return p }),
		Status: api.ImportStatus(i.Status), State: api.ImportState(i.State), Error: textOrNil(i.Error),
		FileName: textOrNil(i.FileName), FileSize: sizeOrNil(i.FileSize), Format: textOrNil(i.Format), BytesRead: int(i.BytesRead),
		Counts: api.ImportCounts{
			New: i.Counts.New, Updated: i.Counts.Updated, Unchanged: i.Counts.Unchanged, Deleted: i.Counts.LeftDeleted,
			Excluded: i.Counts.Excluded, Skipped: i.Counts.Skipped, Failed: i.Counts.Failed,
		},
		Conversations: i.Conversations, Messages: i.Messages,
		Ready: i.Ready, Pending: i.Pending, Failed: i.Failed, CreatedAt: api.NewTime(i.CreatedAt), EndedAt: wireTimeOrNil(i.EndedAt),
	}
}

// wholeImport is an import with its report.
func wholeImport(i chat.Import) api.Import {
	whole := importOf(i)
	whole.Report = &api.ImportReport{
		Members: each(i.Report.Members, func(m chat.ImportMember) api.ImportMember {
			return api.ImportMember{
				Path: m.Path, Format: textOrNil(m.Format), Conversations: m.Conversations, Failed: &m.Failed, Problem: textOrNil(m.Problem),
				Warnings: each(slices.Sorted(maps.Keys(m.Warnings)), func(text string) api.ImportWarning {
					return api.ImportWarning{Text: text, Count: m.Warnings[text]}
				}),
			}
		}),
		Problems: each(i.Report.Problems, func(p chat.ImportProblem) api.ImportFinding {
			return api.ImportFinding{Member: textOrNil(p.Member), Line: positiveOrNil(p.Line), Element: positiveOrNil(p.Element), Reason: p.Reason}
		}),
		Notes: each(i.Report.Notes, func(n string) string { return n }),
	}
	return whole
}

func sizeOrNil(n int64) *int { return positiveOrNil(int(n)) }

// positiveOrNil returns nil for a number that is not known, which is null on the wire.
func positiveOrNil(n int) *int {
	if n <= 0 {
		return nil
	}
	return &n
}

func wireTimeOrNil(t time.Time) *api.Time {
	if t.IsZero() {
		return nil
	}
	at := api.NewTime(t)
	return &at
}
