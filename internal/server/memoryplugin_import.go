package server

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/server/jsonbody"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// ImportConversations answers POST /api/chat-history/import.
func (m *memoryPlugin) ImportConversations(ctx context.Context, r wire.ImportConversationsRequestObject) (wire.ImportConversationsResponseObject, error) {
	var f fields
	restore := f.queryBool("restoreDeleted", r.Params.RestoreDeleted)
	if err := f.err(); err != nil {
		return nil, err
	}
	done, err := m.access.ImportFile(ctx, readLines(r.Body, m.maxLine), restore)
	if err != nil {
		return nil, unfinished(err, done)
	}
	return wire.ImportConversations200JSONResponse{
		ImportID: textOrNil(done.ImportID), Conversations: done.Conversations,
		Deleted: done.Deleted, Excluded: done.Excluded, Failed: done.Failed,
		Problems: each(done.Problems, func(p history.Problem) api.ImportProblem {
			return api.ImportProblem{Line: p.Line, Reason: worded(p.Err, history.OpImportFile)}
		}),
	}, nil
}

// unfinished says of an import that ended early what is stored all the same.
func unfinished(err error, done history.Imported) error {
	return fault.Wrap(fault.KindOf(err), err, "%s; %d conversations are stored, and sending the file again stores the rest",
		fault.Message(err), done.Conversations)
}

// readLines yields the conversations of a file with one a line. Empty lines count
// as lines and are nothing else. A line longer than most bytes ends it.
func readLines(body io.Reader, most int64) iter.Seq[history.Read] {
	return func(yield func(history.Read) bool) {
		lines := bufio.NewScanner(body)
		lines.Buffer(make([]byte, 0, min(64<<10, most)), int(most))
		line := 0
		for lines.Scan() {
			line++
			data := bytes.TrimSpace(bytes.TrimPrefix(lines.Bytes(), []byte("\xef\xbb\xbf")))
			if len(data) == 0 {
				continue
			}
			var sent api.UploadRequest
			read := history.Read{Line: line}
			if read.Err = jsonbody.Decode(data, &sent, jsonbody.Lenient); read.Err == nil {
				read.Upload = upload(&sent)
			}
			if !yield(read) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(history.Read{Line: line + 1, Err: brokenOff(err, line+1, most)})
		}
	}
}

func brokenOff(err error, line int, most int64) error {
	if errors.Is(err, bufio.ErrTooLong) {
		return fault.New(fault.TooLarge, "line %d is longer than the %d bytes that one conversation may have", line, most)
	}
	return brokenBody(err, fmt.Sprintf("line %d of the file", line))
}

// streamed is the length of a body that is read while it is worked on.
const streamed = -1
