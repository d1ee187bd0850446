// Package lines reads files with one JSON value per line, as coding agents write them. It handles lines of any length
// up to Limit, a last line that is still being written, and lines that are not JSON. It does not know what the values
// mean.
package lines

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lethe-chat/lethe/internal/exports/format"
)

// Limit is the length of the longest line that is read, in bytes. A longer one is a problem.
const Limit = 256 << 20

// Errors that Each records as problems. They contain nothing of the line.
var (
	ErrTooLong = fmt.Errorf("the line is longer than %d MB", Limit>>20)
	ErrNoJSON  = errors.New("the line is not JSON")
)

// Options are the settings for decoding values: duplicate names and invalid UTF-8 are accepted, because agents write
// both.
var Options = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// Place is where a line is in its file.
type Place struct {
	Line   int   // from 1
	Offset int64 // of its first byte
	End    int64 // of the byte after its line break
}

// Each reads the lines of a member, beginning at its From, decodes each as a T and passes it to fn. A line that is
// not JSON, or has fields of other types, is a problem and does not end the reading. A last line without a line break
// is decoded too. If the last line ends in the middle of its value, it is still being written and counts as
// TruncatedLine. Each returns the errors of fn, of reading and of the context.
func Each[T any](ctx context.Context, m format.Member, out *format.Out, fn func(Place, T) error) error {
	return each(ctx, m, out, Limit, fn)
}

func each[T any](ctx context.Context, m format.Member, out *format.Out, limit int, fn func(Place, T) error) error {
	in, err := open(m)
	if err != nil {
		return err
	}
	defer in.Close()
	r := reader{in: bufio.NewReaderSize(in, 64<<10), limit: limit, at: Place{Line: m.From.Line, End: m.From.Offset}}
	cut := 0 // number of a line that ends in the middle of its value
	for ctx.Err() == nil {
		text, whole, err := r.next()
		if errors.Is(err, io.EOF) {
			if cut > 0 {
				out.Warn(format.TruncatedLine, 1)
			}
			return nil
		}
		if errors.Is(err, ErrTooLong) {
			out.Problem(format.Place{Member: m.Path, Line: r.at.Line}, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s cannot be read: %w", m.Path, err)
		}
		if len(text) == 0 {
			continue
		}
		if cut > 0 { // it was not the last line
			out.Problem(format.Place{Member: m.Path, Line: cut}, ErrNoJSON)
			cut = 0
		}
		var value T
		err = json.Unmarshal(text, &value, Options) // its text may quote the line
		if !whole && err != nil || errors.Is(err, io.ErrUnexpectedEOF) {
			cut = r.at.Line
			continue
		}
		if err != nil {
			out.Problem(format.Place{Member: m.Path, Line: r.at.Line}, ErrNoJSON)
			continue
		}
		if err := fn(r.at, value); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// open opens a member at the offset of its From.
func open(m format.Member) (io.ReadCloser, error) {
	in, err := m.Open()
	if err != nil || m.From.Offset == 0 {
		return in, err
	}
	if seeker, ok := in.(io.Seeker); ok {
		_, err = seeker.Seek(m.From.Offset, io.SeekStart)
	} else {
		_, err = io.CopyN(io.Discard, in, m.From.Offset)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s cannot be read: %w", m.Path, err), in.Close())
	}
	return in, nil
}

type reader struct {
	in    *bufio.Reader
	limit int
	at    Place
	line  []byte
}

// next returns the next line without its line break, and whether it had one. The line is
// valid until the next call. ErrTooLong skips the line; io.EOF is the end of the file.
func (r *reader) next() (line []byte, whole bool, err error) {
	r.at.Line++
	r.at.Offset = r.at.End
	r.line = r.line[:0]
	tooLong := false
	for {
		part, err := r.in.ReadSlice('\n')
		r.at.End += int64(len(part))
		if tooLong = tooLong || len(r.line)+len(part) > r.limit; !tooLong {
			r.line = append(r.line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && r.at.End > r.at.Offset && !tooLong:
			return trim(r.line), false, nil
		case err != nil:
			return nil, false, err
		case tooLong:
			return nil, true, ErrTooLong
		}
		return trim(r.line), true, nil
	}
}

// trim removes white space and the NUL bytes that a crash leaves in a file.
func trim(line []byte) []byte {
	for len(line) > 0 && blank(line[len(line)-1]) {
		line = line[:len(line)-1]
	}
	for len(line) > 0 && blank(line[0]) {
		line = line[1:]
	}
	return line
}

func blank(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == '\n' || b == 0 }

// OneALine reports whether the first line of a member is a JSON value of its own. It is
// false for a JSON document that is written over several lines.
func OneALine(m format.Member) (bool, error) {
	in, err := m.Open()
	if err != nil {
		return false, err
	}
	defer in.Close()
	r := reader{in: bufio.NewReaderSize(in, 64<<10), limit: Limit}
	for {
		text, _, err := r.next()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, ErrTooLong):
			return errors.Is(err, ErrTooLong), nil
		case err != nil:
			return false, err
		case len(text) > 0:
			return jsontext.Value(text).IsValid(Options), nil
		}
	}
}
