package server

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"

	"github.com/lethe-chat/lethe/internal/budget"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/server/jsonbody"
	"github.com/lethe-chat/lethe/pkg/api"
)

// readLines yields the conversations of a file with one a line. Empty lines count
// as lines and are nothing else. A line longer than most bytes is a problem, like one that
// is no JSON, and the lines behind it are read.
func readLines(ctx context.Context, body io.Reader, most int64) iter.Seq[history.Read] {
	return func(yield func(history.Read) bool) {
		l := lines{from: bufio.NewReaderSize(body, lineBuffer), most: most, share: budget.Of(ctx)}
		for {
			read, err := l.next(ctx)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(history.Read{Line: l.line, Err: err})
				return
			}
			if !yield(read) {
				return
			}
			l.share.Shrink(importCost)
		}
	}
}

// lineBuffer is how many bytes of a file are read at once.
const lineBuffer = 64 << 10

// lines reads a file line by line.
type lines struct {
	from  *bufio.Reader
	most  int64         // bytes of a line
	share *budget.Share // of the request; nil when nothing is counted
	line  int           // the last line that was begun, from 1
}

// next reads the next line that is not empty. The error is io.EOF after the last one,
// and otherwise a fault that ends the file.
func (l *lines) next(ctx context.Context) (history.Read, error) {
	for {
		l.line++
		start, whole, err := l.begin()
		if err != nil {
			return history.Read{}, err
		}
		switch {
		case !whole && start == nil:
			return l.skip()
		case !whole:
			return l.long(ctx, start)
		}
		data := bytes.TrimSpace(bytes.TrimPrefix(start, []byte("\xef\xbb\xbf")))
		if len(data) == 0 {
			continue
		}
		var sent api.UploadRequest
		return l.read(&sent, jsonbody.Decode(data, &sent, jsonbody.Lenient)), nil
	}
}

func (l *lines) read(sent *api.UploadRequest, err error) history.Read {
	if err != nil {
		return history.Read{Line: l.line, Err: err}
	}
	return history.Read{Line: l.line, Upload: upload(sent)}
}

// begin reads the beginning of a line. If that is all of it, whole is true. Of a line that
// is already too long, start is nil.
func (l *lines) begin() (start []byte, whole bool, err error) {
	for {
		piece, err := l.from.ReadSlice('\n')
		start = append(start, piece...)
		switch {
		case int64(len(bytes.TrimRight(start, "\r\n"))) > l.most:
			if err == nil { // the line has ended, and skip must not read the next one
				return nil, false, l.from.UnreadByte()
			}
			return nil, false, nil
		case err == nil:
			return start, true, nil
		case errors.Is(err, io.EOF) && len(start) == 0:
			return nil, false, io.EOF
		case errors.Is(err, io.EOF):
			return start, true, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, false, l.broken(err)
		case len(start) > wholeBody:
			return start, false, nil
		}
	}
}

// long decodes a long line while it is read. Like a body of unknown length it is
// counted with what the longest one costs, until its length is known.
func (l *lines) long(ctx context.Context, start []byte) (history.Read, error) {
	if err := l.share.Exchange(ctx, importCost+bodyCost(l.most)); err != nil {
		return history.Read{}, err
	}
	rest := &restOfLine{lines: l, left: l.most + 1 - int64(len(start))} // one more for the first half of a line break
	var sent api.UploadRequest
	err := jsonbody.DecodeFrom(io.MultiReader(bytes.NewReader(start), rest), &sent, jsonbody.Lenient)
	if rest.err == nil { // a line that is no JSON is read to its end, too
		_, rest.err = io.Copy(io.Discard, rest)
	}
	switch {
	case errors.Is(rest.err, errOverlong):
		l.share.Shrink(importCost)
		return l.skip()
	case rest.err != nil:
		return history.Read{}, rest.err
	}
	read := l.read(&sent, err)
	l.share.Shrink(importCost + uploadCost(read.Upload))
	return read, nil
}

// errOverlong ends the reading of a line that is too long.
var errOverlong = errors.New("the line is too long")

// skip reads a line that is too long to its end, of which it keeps nothing.
func (l *lines) skip() (history.Read, error) {
	for {
		_, err := l.from.ReadSlice('\n')
		switch {
		case err == nil, errors.Is(err, io.EOF):
			return l.read(nil, fault.Invalidf("the line is longer than %d bytes; send the conversation in several lines, each with conversation.from", l.most)), nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return history.Read{}, l.broken(err)
		}
	}
}

func (l *lines) broken(err error) error {
	if over, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(over.Limit)
	}
	return brokenBody(err, fmt.Sprintf("line %d of the file", l.line))
}

// restOfLine reads to the end of the line, of which it takes the line break away.
type restOfLine struct {
	lines *lines
	left  int64 // bytes that the line may still have
	ended bool
	err   error // why the line could not be read to its end
}

// Read reads what is there of the line.
func (r *restOfLine) Read(p []byte) (int, error) {
	if r.ended || len(p) == 0 {
		return 0, io.EOF
	}
	if _, err := r.lines.from.Peek(1); err != nil {
		r.ended = true
		if !errors.Is(err, io.EOF) {
			r.err = r.lines.broken(err)
			return 0, r.err
		}
		return 0, io.EOF
	}
	piece, _ := r.lines.from.Peek(min(len(p), r.lines.from.Buffered())) // it is in the buffer
	at := bytes.IndexByte(piece, '\n')
	if at >= 0 {
		piece = piece[:at]
	}
	n := copy(p, piece)
	_, _ = r.lines.from.Discard(n) // it is in the buffer
	if r.left -= int64(n); r.left < 0 {
		r.ended, r.err = true, errOverlong
		return 0, r.err // skip reads the rest of the line
	}
	if at >= 0 {
		_, _ = r.lines.from.Discard(1)
		r.ended = true
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}
