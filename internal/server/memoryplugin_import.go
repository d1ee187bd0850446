package server

import (
	"context"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/server/wire"
)

// ImportConversations answers POST /api/chat-history/import.
func (m *memoryPlugin) ImportConversations(ctx context.Context, r wire.ImportConversationsRequestObject) (wire.ImportConversationsResponseObject, error) {
	var f fields
	restore := f.queryBool("restoreDeleted", r.Params.RestoreDeleted)
	if err := f.err(); err != nil {
		return nil, err
	}
	done, err := m.access.ImportFile(ctx, readLines(ctx, r.Body, m.maxLine), restore)
	if err != nil {
		return nil, unfinished(err, done)
	}
	return wire.ImportConversations200JSONResponse{
		ImportID: textOrNil(done.ImportID), Conversations: done.Conversations,
		Deleted: done.Deleted, Excluded: done.Excluded, Failed: done.Failed,
		Problems: problemsOf(done.Problems, history.OpImportFile),
	}, nil
}

// unfinished says of an import that ended early what is stored all the same.
func unfinished(err error, done history.Imported) error {
	return fault.Wrap(fault.KindOf(err), err, "%s; %d conversations are stored, and sending the file again stores the rest",
		fault.Message(err), done.Conversations)
}

// streamed is the length of a body that is read while it is worked on.
const streamed = -1
