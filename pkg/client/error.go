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

// maxErrorBody is how many bytes of an error's body are read; a proxy may send a whole
// page.
const maxErrorBody = 64 << 10

// Error is an answer of the service that is not a success. Use errors.As to get it.
type Error struct {
	Status     int           // the HTTP status, such as 404
	Message    string        // what the service said
	RequestID  string        // identifies the request in the service's log; may be empty
	RetryAfter time.Duration // when to try again; 0 if the service did not say

	// After a bulk delete with status 406 (package fini): the ids that it deleted
	// nevertheless, and those that do not exist.
	Deleted       []string
	NotAccessible []string

	// After a DeleteUnchanged with status 409: the first conversations that have changed.
	// It deleted nothing.
	Changed []api.ChangedConversation
}

// Error returns the service's message with the status and the request's id.
func (e *Error) Error() string {
	text := fmt.Sprintf("lethe: %d %s: %s", e.Status, http.StatusText(e.Status), e.Message)
	if e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// IsNotFound reports whether err is the service's answer that the key's workspace has no
// such conversation, import or receipt.
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
	var content errorBody
	if err == nil && json.Unmarshal(body, &content) == nil {
		e.Message, e.Deleted, e.NotAccessible, e.Changed = cmp.Or(content.Message, content.Error), content.Deleted, content.NotAccessible, content.Changed
	}
	if e.Message == "" { // a proxy's answer, or an incomplete one
		e.Message = "the answer contains no explanation"
	}
	return e
}

// errorBody is the body of every error. Under /api, error says what was wrong. Under /v2
// message does, and error is the status in words.
type errorBody struct {
	Error         string   `json:"error"`
	Message       string   `json:"message"`
	Deleted       []string `json:"deleted"`
	NotAccessible []string `json:"notAccessible"`

	Changed []api.ChangedConversation `json:"changed"`
}

// retryAfter returns the time in the header Retry-After; 0 if it has no seconds.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
