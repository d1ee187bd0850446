package client

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
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
// every call may be retried. After a 503, or when the connection broke, the work may be done
// and only the answer lost. Then a delete or an upload is retried only with its idempotency
// key, because without one the second answer of a delete would say that nothing was deleted.
type retrier struct {
	http    *http.Client
	retries int
}

// Do sends the request, and retries it if that is safe.
func (r *retrier) Do(req *http.Request) (*http.Response, error) {
	for try := 0; ; try++ {
		resp, err := r.http.Do(req)
		if try >= r.retries || !mayRetry(req, resp, err, try > 0) {
			return resp, err
		}
		wait := waitFor(resp, try)
		if !worthWaiting(req.Context(), wait) {
			return resp, err // it says more than a time-out would
		}
		if resp != nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxErrorBody)) // so that the connection can be reused
			_ = resp.Body.Close()
		}
		if err := pause(req.Context(), wait); err != nil {
			return nil, err
		}
		if req, err = rewound(req); err != nil {
			return nil, err
		}
	}
}

// idempotencyHeader names the key with which the service recognizes a request that is sent again.
const idempotencyHeader = "Idempotency-Key"

// newKey returns an idempotency key for one call.
func newKey() *string { return new(rand.Text()) }

// mayRetry reports whether a request may be sent again after an answer, or after an error without
// one. again is set when it was sent before: then the service may be starting again.
func mayRetry(req *http.Request, resp *http.Response, err error, again bool) bool {
	if req.Body != nil && req.GetBody == nil { // a body that can be read only once
		return false
	}
	keyed := req.Header.Get(idempotencyHeader) != ""
	if err != nil {
		return keyed && (again || brokenOff(err)) && req.Context().Err() == nil
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		return true
	case http.StatusServiceUnavailable:
		return keyed || req.Method != http.MethodDelete && !strings.Contains(req.URL.Path, "/delete")
	case http.StatusConflict: // a request with this key is still running
		return keyed && resp.Header.Get("Retry-After") != ""
	}
	return false
}

// brokenOff reports whether a connection ended before the answer. A service that cannot be reached
// did nothing, and the caller learns that at once.
func brokenOff(err error) bool {
	var network *net.OpError
	reached := !errors.As(err, &network) || network.Op != "dial"
	return reached && (network != nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF))
}

// waitFor returns how long to wait before the next try.
func waitFor(resp *http.Response, try int) time.Duration {
	if resp != nil {
		if wait := retryAfter(resp.Header); wait > 0 {
			return wait
		}
	}
	return min(firstWait<<try, longestWait)
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
