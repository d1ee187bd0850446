package relay

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/lethe-chat/lethe/internal/fault"
)

// errNotSent marks a request that has not reached the service.
var errNotSent = errors.New("the request was not sent")

// newCaller returns an HTTP client that adds the key to every request.
func newCaller(url, key string) *http.Client {
	return &http.Client{Transport: caller{url: url, key: key}}
}

// caller sends requests with the key. An answer that is no message of the protocol becomes a
// fault with the text that the service wrote.
type caller struct{ url, key string }

// RoundTrip sends a request.
func (c caller) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+c.key)
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, c.unsent(err)
	}
	if answer.StatusCode < http.StatusBadRequest {
		return answer, nil
	}
	return refused(answer)
}

func (c caller) unsent(err error) error {
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return fault.Wrap(fault.Unavailable, errNotSent, "no service answers at %s; start it with `lethe serve`", c.url)
	}
	return fault.Wrap(fault.Unavailable, err, "the service at %s did not answer to the end. If this was a delete, it may have been carried out: "+
		"look at deletion_receipt and list_conversations before you try again", c.url)
}

// maxRefusal is the most bytes of an error that are read.
const maxRefusal = 64 << 10

// refused returns the error that the service answered over HTTP. Messages of the protocol, which
// may have such a status too, are passed on.
func refused(answer *http.Response) (*http.Response, error) {
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxRefusal))
	if closing := answer.Body.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return nil, err
	}
	var said struct {
		Protocol string          `json:"jsonrpc"`
		Error    json.RawMessage `json:"error"`
	}
	known := json.Unmarshal(body, &said) == nil
	if known && said.Protocol != "" {
		answer.Body = io.NopCloser(bytes.NewReader(body))
		return answer, nil
	}
	text := answer.Status // of a proxy, for example
	if known {
		_ = json.Unmarshal(said.Error, &text) // an error that is no text leaves the status
	}
	if answer.StatusCode == http.StatusUnauthorized {
		return nil, fault.New(fault.Unauthenticated, "the service refused: %s; `lethe keys create` creates a key", text)
	}
	return nil, fault.New(fault.Unavailable, "the service refused: %s", text)
}
