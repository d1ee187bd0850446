package client

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/lethe-chat/lethe/pkg/api"
)

// maxErrorBody is as much of a refusal as is read; a proxy in between may send a
// whole page.
const maxErrorBody = 64 << 10

// Error is an answer of the service that is not a success. Use errors.As to get
// at it.
type Error struct {
	Status     int           // the HTTP status, such as 404
	Message    string        // what the service said
	RequestID  string        // names the request in the service's log; may be empty
	RetryAfter time.Duration // when to try again, 0 when the service did not say

	// Of a bulk delete that was refused with status 406 (package fini): what it
	// deleted all the same, and which ids were not there.
	Deleted       []string
	NotAccessible []string

	// Of a refused DeleteUnchanged, status 409: the first conversations that have
	// changed. It deleted nothing.
	Changed []api.ChangedConversation
}

// Error says what the service said, with the status and the request's id.
func (e *Error) Error() string {
	text := fmt.Sprintf("lethe: %d %s: %s", e.Status, http.StatusText(e.Status), e.Message)
	if e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// IsNotFound reports whether err is the service's answer that there is no such
// thing in the key's workspace.
func IsNotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

func errorOf(resp *http.Response) *Error {
	e := &Error{
		Status:     resp.StatusCode,
		RequestID:  resp.Header.Get("X-Request-Id"),
		RetryAfter: retryAfter(resp.Header),
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	var said refusal
	if err == nil && json.Unmarshal(body, &said) == nil {
		e.Message, e.Deleted, e.NotAccessible, e.Changed = cmp.Or(said.Message, said.Error), said.Deleted, said.NotAccessible, said.Changed
	}
	if e.Message == "" { // not ours: a proxy's, or cut off
		e.Message = "the answer has no explanation"
	}
	return e
}

// refusal is the body of every refusal: under /api it has an error that says what
// was wrong, under /v2 a message does, and error is the status in words.
type refusal struct {
	Error         string   `json:"error"`
	Message       string   `json:"message"`
	Deleted       []string `json:"deleted"`
	NotAccessible []string `json:"notAccessible"`

	Changed []api.ChangedConversation `json:"changed"`
}

// retryAfter reads the header's seconds; 0 when there are none.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
