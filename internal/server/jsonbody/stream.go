package jsonbody

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"reflect"

	"github.com/lethe-chat/lethe/internal/fault"
)

// DecodeFrom is Decode for a body that is too large to be in memory together with its
// decoded form. It decodes while it reads, and at most one string is in memory twice. The
// struct is complete only when there is no error. An error of reading the body is returned
// unchanged.
func DecodeFrom(body io.Reader, into any, policy Policy) error {
	source := &source{body: body}
	root := reflect.ValueOf(into).Elem()
	r := reader{dec: json.NewDecoder(withoutMark(source)), structs: map[reflect.Type][]field{}, policy: policy, root: root.Type()}
	r.dec.UseNumber()
	err := r.whole(root)
	if source.err != nil {
		return source.err
	}
	return err
}

// whole reads a value and checks that nothing follows it.
func (r *reader) whole(to reflect.Value) error {
	tok, err := r.dec.Token()
	if errors.Is(err, io.EOF) {
		return fault.Invalidf("a JSON body is required, and this request has none")
	}
	if err != nil {
		return r.broken(err)
	}
	if err := r.value(nil, tok, to); err != nil {
		return r.broken(err)
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return fault.Invalidf("the body is not valid JSON: it goes on after its value, at byte %d", r.dec.InputOffset())
	}
	return nil
}

// broken adds the position to a syntax error. Other errors are returned unchanged.
func (r *reader) broken(err error) error {
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return fault.Invalidf("the body is not valid JSON: %s (byte %d)", syntax.Error(), syntax.Offset)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fault.Invalidf("the body is not valid JSON: it ends too early (byte %d)", r.dec.InputOffset())
	}
	return err
}

// source remembers why a body could not be read completely.
type source struct {
	body io.Reader
	err  error
}

// Read reads the body.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// withoutMark skips a byte order mark.
func withoutMark(body io.Reader) io.Reader {
	buffered := bufio.NewReader(body)
	if start, err := buffered.Peek(len(byteOrderMark)); err == nil && string(start) == byteOrderMark {
		_, _ = buffered.Discard(len(byteOrderMark)) // they are in the buffer
	}
	return buffered
}

const byteOrderMark = "\xef\xbb\xbf"
