// Package elements reads a large JSON file element by element: the elements of the file's array, or of an array
// inside an object. Readers of export files share it. Only one element is in memory at a time. If an element is
// damaged or too large, only that element is lost. The package does not know what an element means.
package elements

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lethe-chat/lethe/internal/exports/format"
)

// MaxBytes is the largest element that is read. A larger one is a problem and is
// left out.
const MaxBytes = 256 << 20

// Unusable is the error of an element that cannot be used. Its text contains no text of messages, such as "it has no
// messages". It is recorded as a problem, and reading continues.
type Unusable string

// Error returns the words.
func (u Unusable) Error() string { return string(u) }

// Each decodes the elements of a JSON file and hands each to take. The value is new for
// each element, so take may keep it.
//
// If the file is an array, its elements are meant; if it is an object that has an array at
// one of the paths ("conversations", "data.chats"), the elements of that array; any other
// object is the only element. Several such values may follow each other, as they do when
// somebody has joined files by hand.
//
// An element that is no JSON, that does not fit T or of which take says that it is Unusable
// is a problem of out. Any other error of take ends the reading and is returned unchanged.
// An error of reading the file is returned.
func Each[T any](ctx context.Context, m format.Member, out *format.Out, paths []string, take func(*T, format.Place) error) error {
	file, err := m.Open()
	if err != nil {
		return err
	}
	defer file.Close()
	r := newReader(ctx, file, paths)
	for {
		raw, err := r.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !broken(err):
			return err
		}
		place := format.Place{Member: m.Path, Element: r.number}
		if err == nil {
			err = decodeInto(raw, func(v *T) error { return take(v, place) })
			if err == nil {
				r.accepted(raw)
				continue
			}
			if !broken(err) {
				return err
			}
			r.rejected()
		}
		out.Problem(place, err)
	}
}

// decodeInto decodes a value that must not be null and hands it to take.
func decodeInto[T any](raw jsontext.Value, take func(*T) error) error {
	if raw.Kind() == 'n' {
		return Unusable("it is null")
	}
	v := new(T)
	if err := Decode(raw, v); err != nil {
		return err
	}
	return take(v)
}

// Decode decodes JSON as exports contain it: names may occur twice, and bytes that are not UTF-8 become U+FFFD. Its
// errors are Unusable or say that the JSON is damaged. They contain nothing of the value.
func Decode(raw jsontext.Value, v any) error {
	err := json.Unmarshal(raw, v, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var syntactic *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntactic):
		return &damage{what: errStructure, at: syntactic.ByteOffset}
	case errors.As(err, &semantic):
		return Unusable(fmt.Sprintf("it has a value of another type than expected, %d bytes after its beginning", semantic.ByteOffset))
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &damage{what: errTruncated, at: int64(len(raw))}
	}
	return Unusable("it has a value that cannot be read")
}

// damage is the error of an element whose JSON is damaged.
type damage struct {
	what error
	at   int64 // bytes after the beginning of the element
}

var (
	errTruncated = errors.New("the file ends in the middle of it")
	errTooLarge  = fmt.Errorf("it is larger than %d MB", MaxBytes>>20)
	errStructure = errors.New("it is not valid JSON")
	errDepth     = fmt.Errorf("it is nested deeper than %d levels", maxDepth)
)

// Error says what is damaged, and where.
func (d *damage) Error() string {
	if errors.Is(d.what, errTooLarge) || errors.Is(d.what, errTruncated) {
		return d.what.Error()
	}
	return fmt.Sprintf("%v, %d bytes after its beginning", d.what, d.at)
}

// Unwrap returns what is damaged.
func (d *damage) Unwrap() error { return d.what }

// broken reports whether err is about one element only.
func broken(err error) bool {
	var d *damage
	var u Unusable
	return errors.As(err, &d) || errors.As(err, &u)
}
