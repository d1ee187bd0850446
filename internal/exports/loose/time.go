package loose

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lethe-chat/lethe/internal/exports/times"
)

// Time is a time in JSON: seconds, milliseconds, microseconds or nanoseconds since 1970 as a number or string, a date
// as a string, or MongoDB's {"$date": ...}. It is zero for null, for 0, and for anything that is not a time between
// 1970 and 9999.
type Time struct{ time.Time }

// UnmarshalJSONFrom decodes the next value.
func (t *Time) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	t.Time = time.Time{}
	switch d.PeekKind() {
	case '0', '"':
		token, err := d.ReadToken()
		if err != nil {
			return err
		}
		t.Time = ParseTime(token.String())
		return nil
	case '{':
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		t.Time = extended(value)
		return nil
	}
	return d.SkipValue()
}

// extended reads the extended JSON of MongoDB: {"$date": "2026-...Z"}, {"$date": 17...} or
// {"$date": {"$numberLong": "17..."}}, whose numbers are milliseconds, as are those of a
// {"$numberLong": "17..."} alone.
func extended(value jsontext.Value) time.Time {
	var fields map[string]jsontext.Value
	if json.Unmarshal(value, &fields) != nil {
		return time.Time{}
	}
	inner := fields["$date"]
	if inner == nil {
		inner = fields["$numberLong"]
	}
	switch inner.Kind() {
	case '{':
		return extended(inner)
	case '0', '"':
		text := String(inner)
		if inner.Kind() == '0' {
			text = string(inner)
		}
		if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
			return times.UnixMilli(ms)
		}
		return ParseTime(text)
	}
	return time.Time{}
}

// ParseTime is times.Parse without the answer whether s is a time: it returns the zero time
// for anything else.
func ParseTime(s string) time.Time {
	t, _ := times.Parse(s)
	return t
}
