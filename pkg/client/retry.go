package client

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"
)

// Waits between tries, when the service does not say how long.
const (
	firstWait   = 200 * time.Millisecond
	longestWait = 30 * time.Second
)

// retrier repeats a call that the service put off. After a 429 nothing was done,
// so every call may be repeated. After a 503 the work may have been done and only
// its answer lost; then a delete is not repeated, because a second one would
// answer that there was nothing to delete.
type retrier struct {
	http    *http.Client
	retries int
}

// Do sends the request and, where it may, sends it again.
func (r *retrier) Do(req *http.Request) (*http.Response, error) {
	for try := 0; ; try++ {
		resp, err := r.http.Do(req)
		if err != nil || try >= r.retries || !mayRepeat(req, resp.StatusCode) {
			return resp, err
		}
		wait := retryAfter(resp.Header)
		if wait == 0 {
			wait = min(firstWait<<try, longestWait)
		}
		if !worthWaiting(req.Context(), wait) {
			return resp, nil // the refusal says more than a time-out would
		}
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxErrorBody)) // so that the connection is used again
		_ = resp.Body.Close()
		if err := pause(req.Context(), wait); err != nil {
			return nil, err
		}
		if req, err = again(req); err != nil {
			return nil, err
		}
	}
}

func mayRepeat(req *http.Request, status int) bool {
	if req.Body != nil && req.GetBody == nil { // a file that was sent as it was read
		return false
	}
	switch status {
	case http.StatusTooManyRequests:
		return true
	case http.StatusServiceUnavailable:
		return req.Method != http.MethodDelete && !strings.Contains(req.URL.Path, "/chats/delete")
	}
	return false
}

// worthWaiting reports whether the caller would still be there.
func worthWaiting(ctx context.Context, wait time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return wait <= longestWait && (!ok || time.Now().Add(wait).Before(deadline))
}

func pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// again is the request with its body at the start.
func again(req *http.Request) (*http.Request, error) {
	next := req.Clone(req.Context())
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		next.Body = body
	}
	return next, nil
}
