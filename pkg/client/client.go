// Package client calls a Lethe service. It adds to the generated client (package raw)
// the key, typed answers, one error type, and retries where they are safe. The types of
// requests and answers are in package api.
//
// A Client is safe for concurrent use. Every call ends when its context ends.
package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/lethe-chat/lethe/pkg/client/raw"
)

// DefaultRetries is how often a call is retried when the service asks to try again
// later.
const DefaultRetries = 3

// Client calls one service with one key.
type Client struct {
	raw *raw.Client
}

// Option configures a Client.
type Option func(*settings)

type settings struct {
	http    *http.Client
	retries int
	agent   string
}

// WithHTTPClient sets the HTTP client that makes the calls. Its Timeout, if any, applies
// to each try.
func WithHTTPClient(c *http.Client) Option { return func(s *settings) { s.http = c } }

// WithRetries sets how often a call is retried; 0 for never.
func WithRetries(n int) Option { return func(s *settings) { s.retries = max(n, 0) } }

// WithUserAgent sets the User-Agent header.
func WithUserAgent(agent string) Option { return func(s *settings) { s.agent = agent } }

// New returns a Client for the service at baseURL, such as http://127.0.0.1:8787, with a
// key of the workspace to use. It returns an error if either is malformed. It sends no
// request.
func New(baseURL, key string, opts ...Option) (*Client, error) {
	u, err := url.Parse(baseURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("lethe: %q is not the address of a service; use one such as http://127.0.0.1:8787", baseURL)
	}
	if strings.TrimSpace(key) == "" || strings.ContainsAny(key, " \t\r\n") {
		return nil, errors.New("lethe: an API key is needed, without spaces")
	}
	s := settings{http: &http.Client{}, retries: DefaultRetries, agent: "lethe-go-client"}
	for _, opt := range opts {
		opt(&s)
	}
	bare, err := raw.NewClient(baseURL,
		raw.WithHTTPClient(&retrier{http: s.http, retries: s.retries}),
		raw.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+key)
			r.Header.Set("User-Agent", s.agent)
			return nil
		}))
	if err != nil {
		return nil, fmt.Errorf("lethe: %w", err)
	}
	return &Client{raw: bare}, nil
}

// Raw returns the generated client, with this client's key and retries, for routes that
// have no method here. Decode reads its answers.
func (c *Client) Raw() *raw.Client { return c.raw }

// Decode returns the answer to a call of Raw. It returns an *Error if the service refused
// the call, and another error if there was no answer or it could not be read. It closes
// the body.
func Decode[T any](resp *http.Response, err error) (T, error) {
	var answer T
	if err != nil {
		return answer, fmt.Errorf("lethe: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusAccepted {
		return answer, errorOf(resp)
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return answer, fmt.Errorf("lethe: the answer could not be read: %w", err)
	}
	return answer, nil
}

// copied returns a function that writes an answer's body to w while it arrives.
func copied(w io.Writer) func(*http.Response, error) error {
	return func(resp *http.Response, err error) error {
		if err != nil {
			return fmt.Errorf("lethe: %w", err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return errorOf(resp)
		}
		if _, err := io.Copy(w, resp.Body); err != nil {
			return fmt.Errorf("lethe: the answer is incomplete: %w", err)
		}
		return nil
	}
}
