package server

import (
	"context"
	"strconv"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// BeginImport answers POST /api/chat-history/imports.
func (m *memoryPlugin) BeginImport(ctx context.Context, r wire.BeginImportRequestObject) (wire.BeginImportResponseObject, error) {
	begun, err := m.access.BeginImport(ctx, history.NewImport{
		FileName: value(r.Body.FileName), FileSize: int64(value(r.Body.FileSize)), Format: value(r.Body.Format), RestoreDeleted: value(r.Body.RestoreDeleted),
	})
	if err != nil {
		return nil, err
	}
	return wire.BeginImport200JSONResponse(wholeImport(begun)), nil
}

// FeedImport answers POST /api/chat-history/imports/{id}/conversations.
func (m *memoryPlugin) FeedImport(ctx context.Context, r wire.FeedImportRequestObject) (wire.FeedImportResponseObject, error) {
	part, err := strconv.Atoi(value(r.Params.Part))
	if err != nil || part < 1 {
		return nil, fault.Invalidf("part must be the number of the part, from 1")
	}
	fed, err := m.access.FeedImport(ctx, r.ID, part, readLines(ctx, r.Body, m.maxLine))
	if err != nil {
		return nil, err
	}
	return wire.FeedImport200JSONResponse{Import: wholeImport(fed.Import), Problems: problemsOf(fed.Problems, history.OpFeedImport)}, nil
}

func problemsOf(problems []history.Problem, op history.Operation) []api.ImportProblem {
	return each(problems, func(p history.Problem) api.ImportProblem {
		return api.ImportProblem{Line: p.Place.Line, Member: textOrNil(p.Place.Member), Element: positiveOrNil(p.Place.Element), Reason: worded(p.Err, wireNames[op])}
	})
}

// ReportImport answers POST /api/chat-history/imports/{id}/progress.
func (m *memoryPlugin) ReportImport(ctx context.Context, r wire.ReportImportRequestObject) (wire.ReportImportResponseObject, error) {
	moved, err := m.access.ReportImport(ctx, r.ID, reportOf(*r.Body))
	if err != nil {
		return nil, err
	}
	return wire.ReportImport200JSONResponse(wholeImport(moved)), nil
}

// FinishImport answers POST /api/chat-history/imports/{id}/finish.
func (m *memoryPlugin) FinishImport(ctx context.Context, r wire.FinishImportRequestObject) (wire.FinishImportResponseObject, error) {
	b := r.Body
	report := reportOf(api.ImportProgress{
		BytesRead: b.BytesRead, Format: b.Format, Skipped: b.Skipped, Failed: b.Failed, Members: b.Members, Problems: b.Problems, Notes: b.Notes,
	})
	ended, err := m.access.FinishImport(ctx, r.ID, report, history.ImportEnd{State: chat.ImportState(b.State), Reason: value(b.Reason)})
	if err != nil {
		return nil, err
	}
	return wire.FinishImport200JSONResponse(wholeImport(ended)), nil
}

// StopImport answers POST /api/chat-history/imports/{id}/stop.
func (m *memoryPlugin) StopImport(ctx context.Context, r wire.StopImportRequestObject) (wire.StopImportResponseObject, error) {
	stopped, err := m.access.StopImport(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return wire.StopImport200JSONResponse(wholeImport(stopped)), nil
}

func reportOf(b api.ImportProgress) history.ImportReport {
	found := &chat.ImportReport{Skipped: value(b.Skipped), Unread: value(b.Failed), Notes: b.Notes}
	for _, m := range b.Members {
		found.Members = append(found.Members, memberOf(m))
	}
	for _, p := range b.Problems {
		place := chat.ImportPlace{Member: value(p.Member), Line: value(p.Line), Element: value(p.Element)}
		found.Problems = append(found.Problems, chat.ImportProblem{ImportPlace: place, Reason: p.Reason})
	}
	return history.ImportReport{BytesRead: int64(value(b.BytesRead)), Format: chat.Plain(value(b.Format)), Found: found}
}

func memberOf(m api.ImportMember) chat.ImportMember {
	member := chat.ImportMember{
		Path: m.Path, Format: value(m.Format), Conversations: m.Conversations, Failed: value(m.Failed), Problem: value(m.Problem),
		Warnings: make(map[string]int, len(m.Warnings)),
	}
	for _, w := range m.Warnings {
		member.Warnings[w.Text] += w.Count
	}
	return member
}
