package loose

import (
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Maybe is a value of T, an object or array, if the JSON has one. Anything else becomes the
// zero value with Other set, unless it is null.
type Maybe[T any] struct {
	Value T
	Is    bool           // the JSON had such a value
	Other jsontext.Value // what the JSON had instead
}

// UnmarshalJSONFrom decodes the next value.
func (m *Maybe[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*m = Maybe[T]{}
	switch kind := d.PeekKind(); {
	case kind == kindOf(reflect.TypeFor[T]()):
		m.Is = true
		return json.UnmarshalDecode(d, &m.Value)
	case kind == 'n':
		return d.SkipValue()
	}
	value, err := d.ReadValue()
	m.Other = value.Clone()
	return err
}

// kindOf returns the kind of JSON that fits a type.
func kindOf(t reflect.Type) jsontext.Kind {
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return '['
	default:
		return '{'
	}
}

// Embedded is a value of T that some exports hold as JSON inside a string. Twice is set
// for those.
type Embedded[T any] struct {
	Maybe[T]
	Twice bool
}

// UnmarshalJSONFrom decodes the next value.
func (e *Embedded[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*e = Embedded[T]{}
	if err := e.Maybe.UnmarshalJSONFrom(d); err != nil || e.Other.Kind() != '"' {
		return err
	}
	inner, err := jsontext.AppendUnquote(nil, e.Other)
	if err != nil {
		return nil //nolint:nilerr // the string stays in Other: it is a text, not JSON
	}
	var m Maybe[T]
	if json.Unmarshal(inner, &m, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) == nil && m.Other == nil {
		e.Maybe, e.Twice = m, true
	}
	return nil
}
