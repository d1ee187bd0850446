package modelhttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/lethe-chat/lethe/internal/fault"
)

// maxRefusal is how much of a refusal is read, in bytes, to see what it is about.
const maxRefusal = 64 << 10

var (
	errAnswerTooLong = errors.New("answer too long")
	errResting       = errors.New("left alone for a while")
)

// Resting reports whether the server was not asked, because it had failed a
// moment before.
func Resting(err error) bool { return errors.Is(err, errResting) }

// TooLarge reports whether the server refused a question for its size.
func TooLarge(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.tooLarge()
}

// Busy reports whether the server only asked for fewer requests: nothing was wrong
// with the question.
func Busy(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.status == http.StatusTooManyRequests
}

// Refused reports whether the server found the question itself wrong (400 or
// 422), with any of these words in its reason; with any reason when there are
// none.
func Refused(err error, words ...string) bool {
	var r *refusal
	return errors.As(err, &r) && (r.status == http.StatusBadRequest || r.status == http.StatusUnprocessableEntity) &&
		(len(words) == 0 || r.mentions(words...))
}

// refusal is a status that says no. The words stay inside: they may quote the
// question.
type refusal struct {
	status int
	said   string // in lower case
}

// Error is the status alone.
func (r *refusal) Error() string { return fmt.Sprint("status ", r.status) }

func (r *refusal) mentions(words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(r.said, w) })
}

// tooLarge recognizes how the common servers refuse a text or a batch for its
// size; the statuses they use for it differ (400, 413, 422, 500).
func (r *refusal) tooLarge() bool {
	return r.status == http.StatusRequestEntityTooLarge || r.mentions(
		"context length", "context_length", "context size", "context_size", "too large", "too long",
		"must have less than", "maximum allowed batch", "max_tokens_per_request", "input length exceeds",
	)
}

// failure is why an attempt failed.
type failure struct {
	fault  error
	header http.Header
	passes bool // asking again later may help
	rests  bool // it will not, and every other question would fail like this one
}

func (s *Server) unreachable(err error) *failure {
	if errors.Is(err, context.DeadlineExceeded) {
		return &failure{fault: s.Unavailable("did not answer within %s", s.o.Timeout), passes: true}
	}
	return &failure{fault: s.Unavailable("cannot be reached; check that it runs and that %s_URL is right", s.o.Settings), passes: true}
}

// unreadable is for an answer that came, with a good status, and is no JSON.
func (s *Server) unreadable(err error, contentType string) *failure {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return s.unreachable(err)
	case errors.Is(err, errAnswerTooLong):
		return &failure{fault: s.Broken("answered more than %d bytes", s.o.MaxAnswer)}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &failure{fault: s.Unavailable("broke off in the middle of its answer"), passes: true}
	case errors.As(err, &syntax) && !strings.Contains(contentType, "json"):
		return &failure{fault: s.Broken("answered a page where JSON was expected; check %s_URL, which usually ends in /v1", s.o.Settings), rests: true}
	case errors.As(err, &syntax):
		return &failure{fault: s.Broken("answered something that is not JSON")}
	default:
		return &failure{fault: s.Unavailable("closed the connection while answering"), passes: true}
	}
}

// refused turns a status into a fault with a reason of our own.
func (s *Server) refused(response *http.Response, said string) *failure {
	r := &refusal{response.StatusCode, strings.ToLower(said)}
	f := &failure{header: response.Header}
	name, status, settings := s.o.Name+" "+s.host, r.status, s.o.Settings
	switch {
	case r.tooLarge():
		f.fault = fault.Wrap(fault.Invalid, r, "the %s finds the text too long for %s; use a model that reads longer texts", name, s.o.Model)
	case status == http.StatusTooManyRequests:
		f.passes = true
		f.fault = fault.Wrap(fault.Unavailable, r, "the %s asks for fewer requests, or its quota is used up (429)", name)
	case status == http.StatusRequestTimeout, status >= http.StatusInternalServerError:
		f.passes = true
		f.fault = fault.Wrap(fault.Unavailable, r, "the %s has a problem of its own (%d)", name, status)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		f.rests = true
		f.fault = fault.Wrap(fault.Invalid, r, "the %s refuses the key (%d); set %s_API_KEY to one that it accepts", name, status, settings)
	case status == http.StatusNotFound:
		f.rests = true
		f.fault = fault.Wrap(fault.Invalid, r, "the %s knows no model %q, or serves nothing there (404); check %s_MODEL and %s_URL", name, s.o.Model, settings, settings)
	case status < http.StatusBadRequest:
		f.rests = true
		f.fault = fault.Wrap(fault.Invalid, r, "the %s sends us elsewhere (%d), where we do not follow; set %s_URL to the address it has now", name, status, settings)
	default:
		f.fault = fault.Wrap(fault.Invalid, r, "the %s refuses the request (%d); check %s_MODEL and %s_URL", name, status, settings, settings)
	}
	return f
}

// Broken is the fault of an answer that no retry will mend.
func (s *Server) Broken(format string, args ...any) error {
	return fault.Invalidf("the %s %s %s", s.o.Name, s.host, fmt.Sprintf(format, args...))
}

// Unavailable is the fault of a server that may be back later.
func (s *Server) Unavailable(format string, args ...any) error {
	return fault.New(fault.Unavailable, "the %s %s %s", s.o.Name, s.host, fmt.Sprintf(format, args...))
}

func (s *Server) canceled(cause error) error {
	return fault.Wrap(fault.Canceled, cause, "asking the %s was stopped", s.o.Name)
}
