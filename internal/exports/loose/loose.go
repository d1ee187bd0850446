// Package loose decodes JSON values that programs write in several types: a text as string
// or number, a time as ISO 8601 or as seconds or milliseconds, a list as one value or many.
// A value of an unexpected type decodes as empty and never fails the value around it.
package loose

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Text is a string. Numbers and booleans are taken as written; null, objects and arrays are "".
type Text string

// UnmarshalJSONFrom decodes any value.
func (t *Text) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*t = ""
	value, err := d.ReadValue()
	if err != nil {
		return err
	}
	switch value.Kind() {
	case '"':
		*t = Text(String(value))
	case '0', 't', 'f':
		*t = Text(value)
	}
	return nil
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

// Time is a time in UTC; zero when the value is none.
type Time struct{ time.Time }

// UnmarshalJSONFrom decodes any value.
func (t *Time) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var text Text
	if err := text.UnmarshalJSONFrom(d); err != nil {
		return err
	}
	t.Time = ParseTime(string(text))
	return nil
}

// layouts are the forms of times that are written as text. A time without a zone is UTC.
var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999", time.DateOnly}

// ParseTime reads a time in ISO 8601, or a number of seconds, milliseconds, microseconds or
// nanoseconds since 1970, told apart by its size. It returns the zero time for anything else
// and for times before 1970 or after the year 9999.
func ParseTime(s string) time.Time {
	s = strings.TrimSpace(s)
	var at time.Time
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		at = sinceEpoch(n)
	} else {
		for _, layout := range layouts {
			if at, err = time.Parse(layout, s); err == nil {
				break
			}
		}
	}
	if at.Year() < 1970 || at.Year() > 9999 || at.Equal(time.Unix(0, 0)) {
		return time.Time{}
	}
	return at.UTC()
}

func sinceEpoch(n float64) time.Time {
	if n <= 0 || math.IsNaN(n) || n > 1e19 {
		return time.Time{}
	}
	for n > 1e11 { // seconds reach 1e11 in the year 5138
		n /= 1000
	}
	whole, part := math.Modf(n)
	return time.Unix(int64(whole), int64(math.Round(part*1e6))*1000)
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

// List is an array, or one value as an array of one. Elements that are no T are left out.
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
