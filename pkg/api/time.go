package api

import (
	"encoding/json"
	"errors"
	"time"
)

// TimeFormat is the format of times in every answer: ISO 8601, UTC, milliseconds.
const TimeFormat = "2006-01-02T15:04:05.000Z"

// errTime says what a time may look like. It names no field; code that knows the field's
// path adds it.
var errTime = errors.New("must be an ISO 8601 date and time, such as 2026-03-01T09:30:00Z, or a date")

// zoneless are the accepted formats of a date and time without a zone.
var zoneless = []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04"}

// Time is a time on the wire. It is written in UTC with milliseconds. It is read from an ISO
// 8601 date and time, in UTC unless it has a zone, or from a date, which means the start of
// that day in UTC.
type Time struct{ time.Time }

// NewTime returns t as a wire time.
func NewTime(t time.Time) Time { return Time{t.UTC()} }

// ParseTime reads a time as Time does. dateOnly reports whether s was a date without a time.
func ParseTime(s string) (t time.Time, dateOnly bool, err error) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.UTC(), false, nil
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, true, nil
	}
	for _, layout := range zoneless {
		if t, err := time.Parse(layout, s); err == nil {
			return t, false, nil
		}
	}
	return time.Time{}, false, errTime
}

// String returns the time as it is written on the wire.
func (t Time) String() string { return t.UTC().Format(TimeFormat) }

// MarshalText writes the time in TimeFormat.
func (t Time) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads a time as ParseTime does.
func (t *Time) UnmarshalText(text []byte) error {
	parsed, _, err := ParseTime(string(text))
	t.Time = parsed
	return err
}

// MarshalJSON writes the time as a string in TimeFormat.
func (t Time) MarshalJSON() ([]byte, error) { return json.Marshal(t.String()) }

// UnmarshalJSON reads a string as ParseTime does. Any other value is an error, also null.
func (t *Time) UnmarshalJSON(data []byte) error {
	var s *string
	if err := json.Unmarshal(data, &s); err != nil || s == nil {
		return errTime
	}
	return t.UnmarshalText([]byte(*s))
}
