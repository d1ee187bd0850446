// Package fault is the one kind of error that Lethe's own code returns: a kind,
// which decides how the caller is answered, and a message, which a person may
// read. It owns no policy: which status a kind becomes is the transport's
// business (internal/server), and nothing here is ever logged.
//
// An error that is not a *Error is a surprise. Surprises have kind Internal and
// never show their text to a caller, because it may quote a driver, a path or
// somebody's message.
package fault

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Kind says what sort of failure an error is.
type Kind int

// The kinds. Internal is the zero value, so that an error nobody classified is
// treated as the worst one.
const (
	Internal        Kind = iota // a bug or a broken store: the text stays private
	Invalid                     // the request breaks a rule that its sender can fix
	Unauthenticated             // no key, or one that is unknown or revoked
	Forbidden                   // a good key without the needed scope
	NotFound                    // no such thing in this workspace
	Conflict                    // the world changed under the request
	TooLarge                    // over a stated size
	Unsupported                 // a media type we do not read
	RateLimited                 // too many requests for now
	Unavailable                 // a part we need is not answering; try again
	Canceled                    // the caller went away, or we are stopping
)

var kindNames = map[Kind]string{
	Internal: "internal", Invalid: "invalid", Unauthenticated: "unauthenticated",
	Forbidden: "forbidden", NotFound: "not_found", Conflict: "conflict",
	TooLarge: "too_large", Unsupported: "unsupported", RateLimited: "rate_limited",
	Unavailable: "unavailable", Canceled: "canceled",
}

// String returns the kind's name, as logs and metrics show it.
func (k Kind) String() string { return kindNames[k] }

// Error is a failure with a kind. Message is safe to show to the caller and
// says what was wrong and what to do; Cause, when there is one, is for errors.Is
// and for the log of internal errors only. RetryAfter is how long the caller should
// wait before it tries again; 0 when there is nothing to say about that.
type Error struct {
	Kind       Kind
	Message    string
	Cause      error
	RetryAfter time.Duration

	problems *Problems // of the request; nil when the message is all there is
	missing  string    // what was not found; empty when the message is all there is
}

// Error returns the message and, for whoever debugs, the cause behind it.
func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Message + ": " + e.Cause.Error()
	}
	return e.Message
}

// Unwrap makes errors.Is and errors.As see the cause.
func (e *Error) Unwrap() error { return e.Cause }

// New returns an error of the kind with a formatted message.
func New(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Wrap returns an error of the kind that remembers its cause. The message must
// make sense without the cause, which callers never see.
func Wrap(kind Kind, cause error, format string, args ...any) error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), Cause: cause}
}

// Invalidf is New(Invalid, ...): by far the most common one.
func Invalidf(format string, args ...any) error { return New(Invalid, format, args...) }

// NotFoundf is New(NotFound, ...).
func NotFoundf(format string, args ...any) error { return New(NotFound, format, args...) }

// KindOf returns the kind of err: that of the outermost *Error in its chain,
// Canceled when a context ended it, and Internal for anything else.
func KindOf(err error) Kind {
	var known *Error
	switch {
	case errors.As(err, &known):
		return known.Kind
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Canceled
	default:
		return Internal
	}
}

// RetryAfter returns how long the caller of what failed should wait before it tries
// again; 0 when the error does not say.
func RetryAfter(err error) time.Duration {
	var known *Error
	if errors.As(err, &known) {
		return known.RetryAfter
	}
	return 0
}

// Is reports whether err is of the kind. A nil error is of none.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

// MissingThing returns what was not found, such as "conversation", when the error is
// one of Missing's.
func MissingThing(err error) (thing string, ok bool) {
	var known *Error
	if errors.As(err, &known) {
		thing = known.missing
	}
	return thing, thing != ""
}

// Worded is Message in a transport's words: the problems of a request name its
// fields as the transport does.
func Worded(err error, names Names) string {
	var known *Error
	if errors.As(err, &known) && known.problems != nil {
		return known.problems.in(names)
	}
	return Message(err)
}

// Message returns the text that a caller may see: the outermost *Error's own
// message, or a fixed sentence for a surprise.
func Message(err error) string {
	var known *Error
	if errors.As(err, &known) && known.Kind != Internal {
		return known.Message
	}
	if KindOf(err) == Canceled {
		return "the request was canceled or took too long"
	}
	return "internal error; the server's log has the details under this request id"
}
