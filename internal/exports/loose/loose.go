// Package loose decodes JSON values that programs write in several types: a text as string
// or number, a time as ISO 8601 or as seconds or milliseconds, a list as one value or many.
// A value of an unexpected type decodes as empty and never fails the value around it.
package loose

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Text is a string. Numbers and booleans are taken as written; null, objects and arrays are "".
type Text string

// UnmarshalJSONFrom decodes any value.
func (t *Text) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*t = ""
	switch d.PeekKind() {
	case '"':
		token, err := d.ReadToken()
		*t = Text(token.String())
		return err
	case '0', 't', 'f':
		value, err := d.ReadValue()
		*t = Text(value)
		return err
	}
	return d.SkipValue()
}

// Flag is a boolean. Everything but true, "true" and numbers other than 0 is false.
type Flag bool

// UnmarshalJSONFrom decodes any value.
func (f *Flag) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var t Text
	if err := t.UnmarshalJSONFrom(d); err != nil {
		return err
	}
	n, err := strconv.ParseFloat(string(t), 64)
	*f = t == "true" || err == nil && n != 0
	return nil
}

// String returns the text of a JSON string; "" for any other value. Invalid UTF-8 and lone
// surrogates become U+FFFD.
func String(v jsontext.Value) string {
	if v.Kind() != '"' {
		return ""
	}
	text, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		return strings.ToValidUTF8(string(text), "\uFFFD")
	}
	return string(text)
}

// List is an array, or a single value, which is read as an array of one. Elements that are not a T are left out.
type List[T any] []T

// UnmarshalJSONFrom decodes any value.
func (l *List[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*l = nil
	if d.PeekKind() != '[' {
		value, err := d.ReadValue()
		if err == nil && value.Kind() != 'n' {
			l.add(value)
		}
		return err
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		l.add(value)
	}
	_, err := d.ReadToken()
	return err
}

func (l *List[T]) add(v jsontext.Value) {
	var one T
	if json.Unmarshal(v, &one, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) == nil {
		*l = append(*l, one)
	}
}

// Compact returns a JSON value without white space between its parts; "" for none.
func Compact(v jsontext.Value) string {
	v = v.Clone()
	if v == nil || v.Compact(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
		return ""
	}
	return string(v)
}
