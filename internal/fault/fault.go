// Package fault is the error type of Lethe's own code: a kind, which decides how the
// caller is answered, and a message that the caller may read. The transport decides which
// status a kind becomes (internal/server). This package logs nothing.
//
// Any error that is not a *Error is unexpected. It has kind Internal, and its text is never
// shown to a caller, because it may quote a driver, a path or somebody's message.
package fault

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Kind is the kind of a failure.
type Kind int

// The kinds. Internal is the zero value, so that an unclassified error is treated as the
// most serious one.
const (
	Internal        Kind = iota // a bug or a broken store: the text stays private
	Invalid                     // the request breaks a rule that its sender can fix
	Unauthenticated             // no key, or an unknown or revoked one
	Forbidden                   // a valid key without the needed scope
	NotFound                    // no such thing in this workspace
	Conflict                    // the data has changed since the caller read it
	Mismatch                    // an idempotency key that was used for another request
	TooLarge                    // larger than a stated limit
	Unsupported                 // a media type that is not supported
	RateLimited                 // too many requests at the moment
	Unavailable                 // a needed part does not answer; the caller may try again
	Canceled                    // the caller disconnected, or the service is stopping
)

var kindNames = map[Kind]string{
	Internal: "internal", Invalid: "invalid", Unauthenticated: "unauthenticated",
	Forbidden: "forbidden", NotFound: "not_found", Conflict: "conflict", Mismatch: "mismatch",
	TooLarge: "too_large", Unsupported: "unsupported", RateLimited: "rate_limited",
	Unavailable: "unavailable", Canceled: "canceled",
}

// String returns the kind's name, as logs and metrics show it.
func (k Kind) String() string { return kindNames[k] }

// Error is a failure with a kind. Message may be shown to the caller; it says what was
// wrong and what to do. Cause is optional; it is for errors.Is and for the log of internal
// errors only. RetryAfter is how long the caller should wait before it tries again, or 0 if
// unknown.
type Error struct {
	Kind       Kind
	Message    string
	Cause      error
	RetryAfter time.Duration

	problems *Problems // the problems of the request, if Problems.Err created the error
	missing  string    // what was not found, if Missing created the error
}

// Error returns the message, followed by the cause for debugging.
func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Message + ": " + e.Cause.Error()
	}
	return e.Message
}

// Unwrap returns the cause, for errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Cause }

// New returns an error of the kind with a formatted message.
func New(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Wrap returns an error of the kind with a cause. The message must make sense without the
// cause, because callers never see the cause.
func Wrap(kind Kind, cause error, format string, args ...any) error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), Cause: cause}
}

// Invalidf is New(Invalid, ...).
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

// RetryAfter returns how long the caller should wait before it tries again, or 0 if the
// error does not say.
func RetryAfter(err error) time.Duration {
	var known *Error
	for errors.As(err, &known) {
		if known.RetryAfter > 0 {
			return known.RetryAfter
		}
		err = known.Cause
	}
	return 0
}

// Is reports whether err is of the kind. A nil error has no kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

// MissingThing returns what was not found, such as "conversation". ok is false unless
// Missing created the error.
func MissingThing(err error) (thing string, ok bool) {
	var known *Error
	if errors.As(err, &known) {
		thing = known.missing
	}
	return thing, thing != ""
}

// Worded is Message with the field names of a transport.
func Worded(err error, names Names) string {
	var known *Error
	if errors.As(err, &known) && known.problems != nil {
		return known.problems.in(names)
	}
	return Message(err)
}

// Message returns the text that a caller may see: the message of the outermost *Error, or
// a fixed sentence for an unexpected error.
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
