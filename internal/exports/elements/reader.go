package elements

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	readSize   = 256 << 10
	keepBuffer = 8 << 20 // a larger buffer is released after the element that needed it
	emptyReads = 100     // a reader that gives nothing that often is broken
)

// reader cuts a file into elements.
type reader struct {
	ctx   context.Context
	src   io.Reader
	paths []string
	max   int // bytes of an element

	buf        []byte
	start, pos int   // buf[start:pos] is the current element; bytes before start are not needed
	dropped    int64 // bytes of the file that are no longer in buf
	err        error // of reading; io.EOF at the end

	scanner scanner
	number  int      // of the element that next returned last
	inside  bool     // of an array of elements
	open    []string // names of the objects around pos; the first, of the object at the top, is empty
	found   bool     // an array of elements was in the object at the top
	large   bool     // the object at the top is larger than max
	resync           // how to find the next element after damage
}

func newReader(ctx context.Context, src io.Reader, paths []string) *reader {
	return &reader{ctx: ctx, src: src, paths: paths, max: MaxBytes}
}

// next returns the next element, which is valid until the next call. It returns io.EOF at
// the end, a damage for an element that cannot be read, and errors of reading.
func (r *reader) next() (jsontext.Value, error) {
	if r.lost {
		if err := r.findNext(); err != nil {
			return nil, err
		}
	}
	r.release()
	for {
		if err := r.ctx.Err(); err != nil {
			return nil, err
		}
		c, err := r.peek()
		switch {
		case err != nil:
			return nil, r.atEnd(err)
		case c == ',', c == ']' && len(r.open) == 0, c == ']' && r.inside:
			r.pos++ // files that were joined by hand may have one `]` too many
			r.inside = r.inside && c == ','
		case r.inside:
			return r.element()
		case len(r.open) > 0:
			if raw, err := r.field(c); raw != nil || err != nil {
				return raw, err
			}
		case c == '[':
			r.pos++
			r.inside = true
		case c == '{' && len(r.paths) > 0:
			r.start = r.pos
			r.pos++
			r.open, r.found, r.large = []string{""}, false, false
		default:
			return r.element()
		}
	}
}

// atEnd returns the error for the end of the file, or for an error of reading, between
// elements. An array or object that is still open at the end was cut off.
func (r *reader) atEnd(err error) error {
	if errors.Is(err, io.EOF) && (r.inside || len(r.open) > 0) {
		r.inside, r.open = false, nil
		r.number++
		return &damage{what: errTruncated}
	}
	return err
}

// element reads one element.
func (r *reader) element() (jsontext.Value, error) {
	r.start = r.pos
	if !r.restOfLast() {
		r.number++ // the rest of an element is not one more
	}
	r.scanner.reset()
	if err := r.scanValue(true); err != nil {
		return nil, r.damaged(err)
	}
	return r.buf[r.start:r.pos], nil
}

// field reads a field of an object that may have the array of elements at one of the
// paths, or the end of such an object. If the object at the top had none, it is itself the
// element that field returns.
func (r *reader) field(c byte) (jsontext.Value, error) {
	if c == '}' {
		r.pos++
		r.open = r.open[:len(r.open)-1]
		if len(r.open) > 0 || r.found {
			return nil, nil
		}
		r.number++
		if r.large {
			return nil, r.damaged(errTooLarge)
		}
		return r.buf[r.start:r.pos], nil
	}
	err := r.nameAndValue(c)
	if errors.Is(err, errTooLarge) {
		r.large, err = true, nil
	}
	if err != nil {
		r.number++
		return nil, r.damaged(err)
	}
	if r.found || r.large {
		r.release()
	}
	return nil, nil
}

// nameAndValue reads the name of a field and its value. It enters an array at one of the
// paths and an object on the way to one, and skips any other value.
func (r *reader) nameAndValue(c byte) error {
	if c != '"' {
		return errStructure
	}
	keep := !r.found && !r.large
	from := r.pos - r.start
	r.scanner.reset()
	if err := r.scanValue(true); err != nil {
		return err
	}
	quoted := r.buf[r.start+from : r.pos]
	unquoted, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil {
		unquoted = quoted
	}
	names := append(slices.Clone(r.open), string(unquoted))
	if c, err := r.peek(); err != nil || c != ':' {
		return orStructure(err)
	}
	r.pos++
	c, err = r.peek()
	if err != nil {
		return orTruncated(err)
	}
	path := strings.Join(names[1:], ".")
	for _, wanted := range r.paths {
		switch {
		case c == '[' && wanted == path:
			r.pos++
			r.inside, r.found = true, true
			return nil
		case c == '{' && strings.HasPrefix(wanted, path+"."):
			r.pos++
			r.open = names
			return nil
		}
	}
	r.scanner.reset()
	return r.scanValue(keep)
}

// scanValue moves pos behind a value. If keep is set, the bytes from start stay in the
// buffer; if they are more than an element may have, the value is skipped and the error is
// errTooLarge.
func (r *reader) scanValue(keep bool) error {
	tooLarge := false
	for {
		n, done, err := r.scanner.scan(r.buf[r.pos:])
		r.pos += n
		if keep && r.pos-r.start > r.max {
			if r.swallowed() {
				return errStructure
			}
			tooLarge, keep = true, false
		}
		if err == nil && !done {
			if !keep {
				r.release()
			}
			err = r.fill()
			if errors.Is(err, io.EOF) && r.scanner.complete() {
				done, err = true, nil
			}
		}
		switch {
		case err != nil:
			return orTruncated(err)
		case done && tooLarge:
			return errTooLarge
		case done:
			return nil
		}
	}
}

// damaged returns an error about the current element, or err itself if it is an error of reading.
func (r *reader) damaged(err error) error {
	switch {
	case errors.Is(err, errTooLarge):
		return &damage{what: err}
	case errors.Is(err, errTruncated):
		// Without the end of an inner array, all that follows is a part of that array.
		r.inside, r.open, r.lost = false, nil, len(r.known) > 0
		return &damage{what: err}
	case errors.Is(err, errStructure), errors.Is(err, errDepth):
		r.lost = true
		return &damage{what: err, at: int64(r.pos - r.start)}
	}
	return err
}

func orTruncated(err error) error {
	if errors.Is(err, io.EOF) {
		return errTruncated
	}
	return err
}

func orStructure(err error) error {
	if err == nil {
		return errStructure
	}
	return orTruncated(err)
}

// peek moves pos to the next byte that is not a space and returns it.
func (r *reader) peek() (byte, error) {
	for {
		for ; r.pos < len(r.buf); r.pos++ {
			switch c := r.buf[r.pos]; c {
			case ' ', '\t', '\r', '\n':
			default:
				return c, nil
			}
		}
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
}

// release gives up the bytes before pos.
func (r *reader) release() {
	r.start = r.pos
	if cap(r.buf) > keepBuffer && len(r.buf)-r.pos < keepBuffer/2 {
		r.dropped += int64(r.pos)
		r.buf = append(make([]byte, 0, keepBuffer), r.buf[r.pos:]...)
		r.start, r.pos = 0, 0
	}
}

// fill reads more. It returns an error only if it read nothing.
func (r *reader) fill() error {
	if r.err != nil {
		return r.err
	}
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if r.start > 0 && cap(r.buf)-len(r.buf) < readSize {
		r.dropped += int64(r.start)
		r.buf = r.buf[:copy(r.buf, r.buf[r.start:])]
		r.pos -= r.start
		r.start = 0
	}
	if cap(r.buf)-len(r.buf) < readSize {
		r.buf = slices.Grow(r.buf, max(readSize, len(r.buf)))
	}
	for range emptyReads {
		n, err := r.src.Read(r.buf[len(r.buf) : len(r.buf)+readSize])
		r.buf, r.err = r.buf[:len(r.buf)+n], err
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	r.err = io.ErrNoProgress
	return r.err
}
