package modelhttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/lethe-chat/lethe/internal/fault"
)

// maxRefusal is how many bytes of a refusal are read to find its reason.
const maxRefusal = 64 << 10

var (
	errAnswerTooLong = errors.New("answer too long")
	errResting       = errors.New("not asked, because it has just failed")
)

// Resting reports whether the server was not asked because it had failed shortly
// before.
func Resting(err error) bool { return errors.Is(err, errResting) }

// TooLarge reports whether the server refused a request because of its size.
func TooLarge(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.tooLarge()
}

// Busy reports whether the server asked for fewer requests (429): nothing is wrong
// with the request itself.
func Busy(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.status == http.StatusTooManyRequests
}

// Refused reports whether the server rejected the request itself (400 or 422) and its
// reason contains one of the words; without words any reason counts.
func Refused(err error, words ...string) bool {
	var r *refusal
	return errors.As(err, &r) && (r.status == http.StatusBadRequest || r.status == http.StatusUnprocessableEntity) &&
		(len(words) == 0 || r.mentions(words...))
}

// refusal is an answer with an error status. Its text is never shown, because it may
// quote the request.
type refusal struct {
	status int
	said   string // in lower case
}

// Error returns the status without the text.
func (r *refusal) Error() string { return fmt.Sprint("status ", r.status) }

func (r *refusal) mentions(words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(r.said, w) })
}

// tooLarge recognizes the ways in which common servers reject a text or a batch as too
// large. They use different statuses for it (400, 413, 422, 500).
func (r *refusal) tooLarge() bool {
	return r.status == http.StatusRequestEntityTooLarge || r.mentions(
		"context length", "context_length", "context size", "context_size", "too large", "too long",
		"must have less than", "maximum allowed batch", "max_tokens_per_request", "input length exceeds",
	)
}

// failure is the result of a failed attempt.
type failure struct {
	fault  error
	header http.Header
	passes bool // temporary: a retry may succeed
	rests  bool // permanent, and every other request would fail in the same way
}

func (s *Server) unreachable(err error) *failure {
	if errors.Is(err, context.DeadlineExceeded) {
		return &failure{fault: s.Unavailable("did not answer within %s", s.o.Timeout), passes: true}
	}
	cause := err
	var call *url.Error // its text has the whole address
	if errors.As(err, &call) {
		cause = call.Err
	}
	return &failure{fault: fault.Wrap(fault.Unavailable, cause, "the %s %s cannot be reached; check that it runs and that %s_URL is right", s.o.Name, s.host, s.o.Settings), passes: true}
}

// unreadable is for an answer with a good status whose body is not JSON or is
// incomplete.
func (s *Server) unreadable(err error, contentType string) *failure {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return s.unreachable(err)
	case errors.Is(err, errAnswerTooLong):
		return &failure{fault: s.Broken("answered more than %d bytes", s.o.MaxAnswer)}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &failure{fault: s.Unavailable("ended the connection in the middle of its answer"), passes: true}
	case errors.As(err, &syntax) && !strings.Contains(contentType, "json"):
		return &failure{fault: s.Broken("answered a page where JSON was expected; check %s_URL, which usually ends in /v1", s.o.Settings), rests: true}
	case errors.As(err, &syntax):
		return &failure{fault: s.Broken("answered something that is not JSON")}
	default:
		return &failure{fault: s.Unavailable("closed the connection while answering"), passes: true}
	}
}

// refused turns an error status into a fault that says what to do.
func (s *Server) refused(response *http.Response, said string) *failure {
	r := &refusal{response.StatusCode, strings.ToLower(said)}
	f := &failure{header: response.Header}
	name, status, settings := s.o.Name+" "+s.host, r.status, s.o.Settings
	switch {
	case r.tooLarge():
		f.fault = fault.Wrap(fault.Invalid, r, "the %s says that the text is too long for %s; use a model that reads longer texts", name, s.o.Model)
	case status == http.StatusTooManyRequests:
		f.passes = true
		f.fault = fault.Wrap(fault.Unavailable, r, "the %s asks for fewer requests, or its quota is used up (429)", name)
	case status == http.StatusRequestTimeout, status >= http.StatusInternalServerError:
		f.passes = true
		f.fault = fault.Wrap(fault.Unavailable, r, "the %s has an internal problem (%d)", name, status)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		f.rests = true
		f.fault = fault.Wrap(fault.Invalid, r, "the %s refuses the key (%d); set %s_API_KEY to a valid one", name, status, settings)
	case status == http.StatusNotFound:
		f.rests = true
		f.fault = fault.Wrap(fault.Invalid, r, "the %s knows no model %q, or serves nothing there (404); check %s_MODEL and %s_URL", name, s.o.Model, settings, settings)
	case status < http.StatusBadRequest:
		f.rests = true
		f.fault = fault.Wrap(fault.Invalid, r, "the %s redirects (%d), which is not followed; set %s_URL to its new address", name, status, settings)
	default:
		f.fault = fault.Wrap(fault.Invalid, r, "the %s refuses the request (%d); check %s_MODEL and %s_URL", name, status, settings, settings)
	}
	return f
}

// Broken returns the fault for an answer that a retry would not change.
func (s *Server) Broken(format string, args ...any) error {
	return fault.Invalidf("the %s %s %s", s.o.Name, s.host, fmt.Sprintf(format, args...))
}

// Unavailable returns the fault for a server that may answer later.
func (s *Server) Unavailable(format string, args ...any) error {
	return fault.New(fault.Unavailable, "the %s %s %s", s.o.Name, s.host, fmt.Sprintf(format, args...))
}

func (s *Server) canceled(cause error) error {
	return fault.Wrap(fault.Canceled, cause, "asking the %s was stopped", s.o.Name)
}

// Outcome returns the name of an error for a metric: "resting" when the server was not asked
// because it had failed shortly before, else the kind of the error.
func Outcome(err error) string {
	if Resting(err) {
		return "resting"
	}
	return fault.KindOf(err).String()
}
