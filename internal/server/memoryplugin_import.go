package server

import (
	"context"
	"io"
	"iter"
	"mime"
	"strings"

	"github.com/lethe-chat/lethe/internal/exports/lethe"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/imports"
	"github.com/lethe-chat/lethe/internal/server/wire"
)

// ImportConversations answers POST /api/chat-history/import.
func (m *memoryPlugin) ImportConversations(ctx context.Context, r wire.ImportConversationsRequestObject) (wire.ImportConversationsResponseObject, error) {
	var f fields
	restore := f.queryBool("restoreDeleted", r.Params.RestoreDeleted)
	if err := f.err(); err != nil {
		return nil, err
	}
	file := imports.File{
		ImportID: value(r.Params.ImportID),
		Name:     value(r.Params.FileName), Size: max(m.length, 0), Format: value(r.Params.Format), RestoreDeleted: restore, Body: whole{r.Body},
		Lines: func(ctx context.Context, body io.Reader) iter.Seq[history.Read] {
			return readLines(ctx, body, m.maxLine)
		},
		IsLines: areLines(r.ContentType),
	}
	if async(value(r.Params.Prefer)) {
		return m.importLater(ctx, file)
	}
	done, err := m.imports.Import(ctx, m.access, file)
	if err != nil {
		return nil, unfinished(err, done)
	}
	return wire.ImportConversations200JSONResponse{
		ImportID: textOrNil(done.ImportID), Conversations: done.Conversations,
		Deleted: done.Deleted, Excluded: done.Excluded, Failed: done.Failed,
		Problems: problemsOf(done.Problems, history.OpImportFile),
	}, nil
}

// importLater answers when the file has arrived.
func (m *memoryPlugin) importLater(ctx context.Context, file imports.File) (wire.ImportConversationsResponseObject, error) {
	id, err := m.imports.Begin(ctx, m.access, file)
	if err != nil {
		return nil, err
	}
	begun, err := m.access.ImportBegun(ctx, id)
	if err != nil {
		return nil, err
	}
	return wire.ImportConversations202JSONResponse{
		Body:    importOf(begun),
		Headers: wire.ImportConversations202ResponseHeaders{Location: new("/api/chat-history/imports/" + id)},
	}, nil
}

// async reports whether a Prefer header asks for an answer before the work is done.
func async(prefer string) bool {
	for preference := range strings.SplitSeq(prefer, ",") {
		name, _, _ := strings.Cut(preference, ";")
		if strings.EqualFold(strings.TrimSpace(name), "respond-async") {
			return true
		}
	}
	return false
}

// areLines reports whether a media type means one JSON object a line.
func areLines(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == lethe.MediaType || media == "application/jsonl" || media == "application/json-lines")
}

// whole says of a file that did not arrive completely why.
type whole struct{ io.Reader }

// Read returns a Canceled fault when the body broke off.
func (w whole) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // io.Reader returns it as it is
		err = brokenBody(err, "the file")
	}
	return n, err
}

// unfinished adds to the error of an import that ended early what was stored before.
func unfinished(err error, done history.Imported) error {
	return fault.Wrap(fault.KindOf(err), err, "%s; %d conversations are stored, and sending the file again stores the rest",
		fault.Message(err), done.Conversations)
}

// streamed is the length of a body that is read while it is worked on.
const streamed = -1
