// Package times reads the times of export files, whatever their form, as UTC in whole
// microseconds. That is the precision of the store, so a time is the same when its file is
// read again. Package loose has the type for times in JSON.
package times

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
)

// layouts are the dates that exports have. A date without a zone is UTC. Digits behind the
// seconds are read whether or not a layout has them.
var layouts = [...]string{
	time.RFC3339,
	"2006-01-02T15:04:05",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05 Z07:00",
	"2006-01-02 15:04:05 -0700",
	"2006-01-02 15:04:05 -0700 MST",
	"2006-01-02T15:04:05-0700",
	"2006-01-02 15:04:05",
	"2006-01-02 15:04:05 UTC",
	"2006-01-02T15:04",
	"2006-01-02 15:04",
	"2006-01-02",
	"1/2/2006, 3:04:05 PM",
	"1/2/2006 3:04:05 PM",
	"1/2/2006, 3:04 PM",
	"1/2/2006 3:04 PM",
	"1/2/2006, 15:04:05",
	"1/2/2006 15:04:05",
	"1/2/2006",
	"Jan 2, 2006, 3:04:05 PM MST",
	"Jan 2, 2006, 3:04:05 PM UTC",
	"Jan 2, 2006, 3:04:05 PM",
	time.RFC1123,
	time.RFC1123Z,
	time.ANSIC,
}

// spaces are the spaces that Unicode's data for English dates puts before AM and PM.
var spaces = strings.NewReplacer("\u00a0", " ", "\u202f", " ", "\u2009", " ")

// Parse reads a time from text: a date, or a number of seconds, milliseconds, microseconds
// or nanoseconds since 1970. ok is false if it is none between 1970 and 9999; the time is
// then zero. A name of a zone other than UTC, GMT and Z is not a time, because it says
// different things in different places.
func Parse(s string) (t time.Time, ok bool) {
	if t, ok := number(strings.TrimSpace(s)); ok {
		return t, !t.IsZero()
	}
	s = strings.TrimSpace(spaces.Replace(s))
	for _, layout := range layouts {
		t, err := time.ParseInLocation(layout, s, time.UTC)
		if err != nil {
			continue
		}
		if name, offset := t.Zone(); offset == 0 && name != "" && name != "UTC" && name != "GMT" {
			return time.Time{}, false // package time takes an offset of 0 for a name that it does not know
		}
		t = valid(t)
		return t, !t.IsZero()
	}
	return time.Time{}, false
}

// number reads a number of seconds since 1970, or of a smaller unit if it is too large.
// The digits before and behind the point are read as whole numbers, because a float has no
// microsecond at today's number of seconds.
func number(s string) (time.Time, bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || !digits(fraction) {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(f) || math.Abs(f) > 1e18 {
			return time.Time{}, false
		}
		return Unix(f), true
	}
	micros, _ := strconv.ParseInt((fraction + "000000")[:6], 10, 64)
	switch {
	case n < 0:
		return time.Time{}, true
	case n >= 1e17:
		return valid(time.Unix(0, n)), true
	case n >= 1e14:
		return valid(time.UnixMicro(n)), true
	case n >= 1e11:
		return valid(time.UnixMicro(n*1000 + micros/1000)), true
	}
	return valid(time.UnixMicro(n*1e6 + micros)), true
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// Unix returns the time of a number of seconds since 1970, or of milliseconds if it is too
// large for seconds.
func Unix(n float64) time.Time {
	switch {
	case n >= 1e14:
		n /= 1e6
	case n >= 1e11:
		n /= 1e3
	}
	return valid(time.UnixMicro(int64(math.Round(n * 1e6))))
}

// UnixMilli returns the time of a number of milliseconds since 1970.
func UnixMilli(n int64) time.Time { return valid(time.UnixMilli(n)) }

// valid returns a time in UTC and whole microseconds, or zero if the year cannot be stored. 0 means "no time" in many
// exports.
func valid(t time.Time) time.Time {
	t = t.UTC().Truncate(time.Microsecond)
	if t.Year() < 1970 || t.Year() > 9999 || t.Unix() == 0 {
		return time.Time{}
	}
	return t
}

// Fill gives each message without a time that of the nearest message before it on the
// list, else of the nearest one after it, else the first of the given times that is known.
// Such a message is marked as Inferred. Fill returns how many there are; messages without
// any known time stay without one and are not counted.
func Fill(messages []chat.UploadMessage, otherwise ...time.Time) (inferred int) {
	var last time.Time
	for i := 0; i < len(messages) && last.IsZero(); i++ {
		last = messages[i].CreatedAt
	}
	for i := 0; i < len(otherwise) && last.IsZero(); i++ {
		last = otherwise[i]
	}
	for i := range messages {
		m := &messages[i]
		if m.CreatedAt.IsZero() && !last.IsZero() {
			m.CreatedAt, m.Inferred = last, true
			inferred++
		}
		last = m.CreatedAt
	}
	return inferred
}

// Span returns the earliest and the latest time of messages; zero if none has one.
func Span(messages []chat.UploadMessage) (first, last time.Time) {
	for _, m := range messages {
		if t := m.CreatedAt; !t.IsZero() {
			if first.IsZero() || t.Before(first) {
				first = t
			}
			if t.After(last) {
				last = t
			}
		}
	}
	return first, last
}
