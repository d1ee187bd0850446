package client

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"
)

// Pauses between tries if the service does not say how long to wait.
const (
	firstWait   = 200 * time.Millisecond
	longestWait = 30 * time.Second
)

// retrier retries calls that the service asked to repeat. After a 429 nothing was done, so
// every call may be retried. After a 503 the work may be done and only the answer lost.
// Then a delete is not retried, because the second answer would say that nothing was
// deleted.
type retrier struct {
	http    *http.Client
	retries int
}

// Do sends the request, and retries it if that is safe.
func (r *retrier) Do(req *http.Request) (*http.Response, error) {
	for try := 0; ; try++ {
		resp, err := r.http.Do(req)
		if err != nil || try >= r.retries || !mayRetry(req, resp.StatusCode) {
			return resp, err
		}
		wait := retryAfter(resp.Header)
		if wait == 0 {
			wait = min(firstWait<<try, longestWait)
		}
		if !worthWaiting(req.Context(), wait) {
			return resp, nil // this answer says more than a time-out would
		}
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxErrorBody)) // so that the connection can be reused
		_ = resp.Body.Close()
		if err := pause(req.Context(), wait); err != nil {
			return nil, err
		}
		if req, err = rewound(req); err != nil {
			return nil, err
		}
	}
}

func mayRetry(req *http.Request, status int) bool {
	if req.Body != nil && req.GetBody == nil { // a body that can be read only once
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

// worthWaiting reports whether the wait ends before the context's deadline.
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

// rewound returns the request with its body at the beginning.
func rewound(req *http.Request) (*http.Request, error) {
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
