package server

import (
	"strconv"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/dates"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/pkg/api"
)

// maxQueryNumber is what a larger number in a query string is read as; every
// field's own maximum is below it.
const maxQueryNumber = 1_000_000

// fields reads the fields of one request and collects all problems. The returned value of a
// wrong field is meaningless, so check err first.
type fields struct{ wrong fault.Problems }

// err returns nil, or an Invalid fault that names every wrong field.
func (f *fields) err() error { return f.wrong.Err() }

func (f *fields) refuse(format string, args ...any) { f.wrong.Add(fault.Path{}, format, args...) }

// queryNumber reads a whole number of at least 1 from a query string. It returns fallback for
// an absent or empty value.
func (f *fields) queryNumber(field string, text *string, fallback int) int {
	if text == nil || *text == "" {
		return fallback
	}
	digits := strings.TrimPrefix(*text, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		f.refuse("%s must be a whole number", field)
		return fallback
	}
	n, err := strconv.Atoi(*text)
	if err != nil { // all digits, so it is only too long
		n = maxQueryNumber
		if strings.HasPrefix(*text, "-") {
			n = -1
		}
	}
	f.atLeast(field, n, 1)
	return min(n, maxQueryNumber)
}

// required reads a query parameter that must be given.
func (f *fields) required(field string, text *string) string {
	if value(text) == "" {
		f.refuse("%s is required", field)
	}
	return value(text)
}

// queryIndex reads a position from a query string, from 0, which is also that of an absent or
// empty value.
func (f *fields) queryIndex(field string, text *string) int {
	if value(text) == "" || *text == "0" {
		return 0
	}
	return f.queryNumber(field, text, 0)
}

// page reads the number and the size of the requested page.
func (f *fields) page(number, size *string) (page, pageSize int) {
	return f.queryNumber("page", number, 1), f.queryNumber("pageSize", size, chat.DefaultPageSize)
}

// bodyNumber reads a number of a body: at least least, or fallback when absent.
func (f *fields) bodyNumber(field string, n *int, fallback, least int) int {
	if n == nil {
		return fallback
	}
	f.atLeast(field, *n, least)
	return *n
}

// zone reads the name of a time zone. It returns nil for an absent or empty name.
func (f *fields) zone(field string, name *string) *time.Location {
	if value(name) == "" {
		return nil
	}
	zone, ok := dates.Zone(*name)
	if !ok {
		f.refuse("%s must be a name of the IANA time zone database, such as Europe/Berlin", field)
	}
	return zone
}

func (f *fields) atLeast(field string, n, least int) {
	if n < least {
		f.refuse("%s must be at least %d", field, least)
	}
}

// queryMillis reads milliseconds since 1970 from a query string. It returns the zero time for
// an absent or empty value.
func (f *fields) queryMillis(field string, text *string) time.Time {
	if value(text) == "" {
		return time.Time{}
	}
	n, err := strconv.ParseInt(*text, 10, 64)
	at, ok := chat.FromEpochMillis(n)
	if err != nil || !ok {
		f.refuse("%s must be a time in milliseconds since 1970, such as 1772323200000", field)
	}
	return at
}

// queryDirection reads the direction of a walk: true means towards newer conversations.
func (f *fields) queryDirection(text *string) (newer bool) {
	switch value(text) {
	case "", "next":
		return false
	case "previous":
		return true
	}
	f.refuse("direction must be next (older) or previous (newer)")
	return false
}

// queryBool reads true, false, 1 or 0, in any case, from a query string. Absent or empty means
// false.
func (f *fields) queryBool(field string, text *string) bool {
	switch strings.ToLower(value(text)) {
	case "true", "1":
		return true
	case "", "false", "0":
		return false
	}
	f.refuse("%s must be true or false", field)
	return false
}

// queryEither reads a filter of which true and false select different conversations. It
// returns nil for an absent or empty value, which selects both.
func (f *fields) queryEither(field string, text *string) *bool {
	if sent(text) == nil {
		return nil
	}
	return new(f.queryBool(field, text))
}

// provider returns the platform of a filter; "all" and "" mean every platform.
func provider(name *string) string {
	if value(name) == "all" {
		return ""
	}
	return value(name)
}

// either returns the value of a field with two names, or nil if neither is given. If both are
// given they must be equal.
func either[T comparable](f *fields, name string, a *T, synonym string, b *T) *T {
	switch {
	case a == nil:
		return b
	case b != nil && *a != *b:
		f.refuse("%s and %s are two names of the same filter, and here they differ", name, synonym)
	}
	return a
}

// sent returns a query parameter, or nil when it is empty, because forms send fields that were
// not filled in.
func sent(text *string) *string {
	if value(text) == "" {
		return nil
	}
	return text
}

// queryFilter are the filter parameters of the list and the export.
type queryFilter struct {
	provider, platform, title, importID, from, to, pinned, pinnedOnly, archived, starred, project *string
}

func (q queryFilter) read(f *fields) chat.Filter {
	platform := either(f, "provider", sent(q.provider), "platform", sent(q.platform))
	if strings.Contains(value(platform), ",") {
		f.refuse("provider takes one platform, not a list")
	}
	pinned, only := f.queryBool("pinned", q.pinned), f.queryBool("pinnedOnly", q.pinnedOnly)
	if sent(q.pinned) != nil && sent(q.pinnedOnly) != nil {
		either(f, "pinned", &pinned, "pinnedOnly", &only)
	}
	selected := chat.Filter{Platform: provider(platform), Title: value(q.title), ImportID: ownID(q.importID), PinnedOnly: pinned || only,
		Archived: f.queryEither("archived", q.archived), Starred: f.queryEither("starred", q.starred), Project: value(q.project)}
	selected.From, selected.Before = f.created(q.from, q.to)
	return selected
}

// created reads a filter's bounds on the creation date, both inclusive, as the half-open range
// of chat.Filter.
func (f *fields) created(from, to *string) (at, before time.Time) {
	at, _ = f.date("dateFrom", from)
	if value(to) != "" {
		before = after(f.date("dateTo", to))
	}
	return at, before
}

// date reads a date or a time, and reports which of the two it is. An absent or empty value is the zero time.
func (f *fields) date(field string, text *string) (at time.Time, day bool) {
	if value(text) == "" {
		return time.Time{}, false
	}
	at, day, err := api.ParseTime(*text)
	if err != nil {
		f.refuse("%s %s", field, err)
	}
	return at, day
}

// after returns the first moment after an inclusive bound: the next day for a date, and the
// next millisecond, which is the wire's precision, for a time.
func after(t time.Time, day bool) time.Time {
	if day {
		return t.AddDate(0, 0, 1)
	}
	return t.Truncate(time.Millisecond).Add(time.Millisecond)
}

// ownID returns the canonical form of one of Lethe's ids. Any other text is returned unchanged
// and matches nothing.
func ownID(text *string) string {
	if id, ok := chat.ParseID(value(text)); ok {
		return id
	}
	return value(text)
}

// value returns the value of an optional field, or the zero value.
func value[T any](field *T) T {
	if field == nil {
		var zero T
		return zero
	}
	return *field
}

// textOrNil returns nil for an empty text, which is null on the wire.
func textOrNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// trueOrNil returns nil for false, which is left out on the wire.
func trueOrNil(b bool) *bool {
	if !b {
		return nil
	}
	return &b
}

// each converts a list. The result is never nil, so that the wire has [].
func each[From, To any](list []From, translate func(From) To) []To {
	out := make([]To, len(list))
	for i, item := range list {
		out[i] = translate(item)
	}
	return out
}
