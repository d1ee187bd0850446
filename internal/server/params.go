package server

import (
	"strconv"
	"strings"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/pkg/api"
)

// maxQueryNumber is what a larger number in a query string is read as; every
// field's own maximum is below it.
const maxQueryNumber = 1_000_000

// queryNumber reads a whole number of at least 1 from a query string; absent or
// empty is fallback.
func queryNumber(field string, text *string, fallback int) (int, error) {
	if text == nil || *text == "" {
		return fallback, nil
	}
	digits := strings.TrimPrefix(*text, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, fault.Invalidf("%s must be a whole number", field)
	}
	n, err := strconv.Atoi(*text)
	if err != nil { // all digits, so it is only too long
		n = maxQueryNumber
		if strings.HasPrefix(*text, "-") {
			n = -1
		}
	}
	return min(n, maxQueryNumber), atLeast(field, n, 1)
}

// bodyNumber is a number of a body: at least least, and fallback when absent.
func bodyNumber(field string, n *int, fallback, least int) (int, error) {
	if n == nil {
		return fallback, nil
	}
	return *n, atLeast(field, *n, least)
}

func atLeast(field string, n, least int) error {
	if n < least {
		return fault.Invalidf("%s must be at least %d", field, least)
	}
	return nil
}

// queryMillis reads milliseconds since 1970 from a query string; absent or empty
// is the zero time.
func queryMillis(field string, text *string) (time.Time, error) {
	if value(text) == "" {
		return time.Time{}, nil
	}
	n, err := strconv.ParseInt(*text, 10, 64)
	at, ok := chat.FromEpochMillis(n)
	if err != nil || !ok {
		return time.Time{}, fault.Invalidf("%s must be a time in milliseconds since 1970, such as 1772323200000", field)
	}
	return at, nil
}

// queryDirection reads which way a walk goes: true for towards newer
// conversations.
func queryDirection(text *string) (newer bool, err error) {
	switch value(text) {
	case "", "next":
		return false, nil
	case "previous":
		return true, nil
	}
	return false, fault.Invalidf("direction must be next (older) or previous (newer)")
}

// queryBool reads a truth value from a query string: true, false, 1 or 0, in any
// case. Absent or empty is false.
func queryBool(field string, text *string) (bool, error) {
	switch strings.ToLower(value(text)) {
	case "true", "1":
		return true, nil
	case "", "false", "0":
		return false, nil
	}
	return false, fault.Invalidf("%s must be true or false", field)
}

// provider turns a filter's platform into the one to look for: "all" and "" mean
// every platform.
func provider(name *string) string {
	if value(name) == "all" {
		return ""
	}
	return value(name)
}

// either is the value of a field that has two names, nil when neither is given.
// Given both, they have to be equal.
func either[T comparable](name string, a *T, synonym string, b *T) (*T, error) {
	switch {
	case a == nil:
		return b, nil
	case b != nil && *a != *b:
		return nil, fault.Invalidf("%s and %s are two names of the same filter, and here they differ", name, synonym)
	}
	return a, nil
}

// sent is a parameter of a query, nil when it is empty: forms send what is not
// filled in.
func sent(text *string) *string {
	if value(text) == "" {
		return nil
	}
	return text
}

// queryFilter are the parameters by which the list and the export select.
type queryFilter struct {
	provider, platform, title, importID, from, to, pinned, pinnedOnly *string
}

func (q queryFilter) read() (f chat.Filter, err error) {
	if q.provider, err = either("provider", sent(q.provider), "platform", sent(q.platform)); err != nil {
		return f, err
	}
	if strings.Contains(value(q.provider), ",") {
		return f, fault.Invalidf("provider takes one platform, not a list")
	}
	pinned, err := queryBool("pinned", q.pinned)
	if err != nil {
		return f, err
	}
	only, err := queryBool("pinnedOnly", q.pinnedOnly)
	if err != nil {
		return f, err
	}
	if sent(q.pinned) != nil && sent(q.pinnedOnly) != nil {
		if _, err := either("pinned", &pinned, "pinnedOnly", &only); err != nil {
			return f, err
		}
	}
	f = chat.Filter{Platform: provider(q.provider), Title: value(q.title), ImportID: ownID(q.importID), PinnedOnly: pinned || only}
	f.From, f.Before, err = created(q.from, q.to)
	return f, err
}

// created reads the bounds of a filter on the creation date, both inclusive, as
// the half-open range that chat.Filter has.
func created(from, to *string) (at, before time.Time, err error) {
	if text := value(from); text != "" {
		if at, _, err = api.ParseTime(text); err != nil {
			return at, before, fault.Invalidf("dateFrom %s", err)
		}
	}
	if text := value(to); text != "" {
		day := false
		if before, day, err = api.ParseTime(text); err != nil {
			return at, before, fault.Invalidf("dateTo %s", err)
		}
		before = after(before, day)
	}
	return at, before, nil
}

// after is the first moment that an inclusive bound leaves out: the next day of
// a date, and the next millisecond, which is the wire's precision, of a time.
func after(t time.Time, day bool) time.Time {
	if day {
		return t.AddDate(0, 0, 1)
	}
	return t.Truncate(time.Millisecond).Add(time.Millisecond)
}

// ownID makes an id of ours canonical; anything else stays as it is, and finds
// nothing.
func ownID(text *string) string {
	if id, ok := chat.ParseID(value(text)); ok {
		return id
	}
	return value(text)
}

// value is what an optional field holds, or the zero value.
func value[T any](field *T) T {
	if field == nil {
		var zero T
		return zero
	}
	return *field
}

// textOrNil is nil for an empty text: null on the wire.
func textOrNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// each translates a list; the result is never nil, so that the wire has [].
func each[From, To any](list []From, translate func(From) To) []To {
	out := make([]To, len(list))
	for i, item := range list {
		out[i] = translate(item)
	}
	return out
}
