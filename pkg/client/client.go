// Package client talks to a Lethe service. It adds to the bare client that is
// generated from the contract (package raw) what callers want: the key, typed
// answers, one error type, and retries where they are safe. The types of
// requests and answers are those of package api.
//
// A Client is safe for concurrent use. Every call ends when its context does.
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

// DefaultRetries is how often a call is repeated when the service says to come
// back later.
const DefaultRetries = 3

// Client calls one service with one key.
type Client struct {
	raw *raw.Client
}

// Option changes how a Client works.
type Option func(*settings)

type settings struct {
	http    *http.Client
	retries int
	agent   string
}

// WithHTTPClient makes the calls with this client instead of one of its own. Its
// Timeout, if it has one, counts for each try.
func WithHTTPClient(c *http.Client) Option { return func(s *settings) { s.http = c } }

// WithRetries sets how often a call is repeated; 0 never repeats.
func WithRetries(n int) Option { return func(s *settings) { s.retries = max(n, 0) } }

// WithUserAgent sets the User-Agent header.
func WithUserAgent(agent string) Option { return func(s *settings) { s.agent = agent } }

// New returns a Client for the service at baseURL, such as
// http://127.0.0.1:8787, and a key of the workspace to work in. The error says
// what is wrong with either; nothing is sent yet.
func New(baseURL, key string, opts ...Option) (*Client, error) {
	u, err := url.Parse(baseURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("lethe: %q is not the address of a service; give one such as http://127.0.0.1:8787", baseURL)
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

// Raw is the bare client that makes the calls: with the key, and with the retries of
// this one. Decode reads its answers. It is for routes that have no method here.
func (c *Client) Raw() *raw.Client { return c.raw }

// Decode turns the outcome of a call of Raw into its answer, an *Error when the service
// refused, or another error when the answer did not come or could not be read. It
// closes the body.
func Decode[T any](resp *http.Response, err error) (T, error) {
	var answer T
	if err != nil {
		return answer, fmt.Errorf("lethe: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return answer, errorOf(resp)
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return answer, fmt.Errorf("lethe: the answer could not be read: %w", err)
	}
	return answer, nil
}

// copied hands an answer's body on as it comes.
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
			return fmt.Errorf("lethe: the answer broke off: %w", err)
		}
		return nil
	}
}
