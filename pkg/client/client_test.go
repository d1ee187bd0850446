package client

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/pkg/api"
)

// answering returns a client of a server that calls one handler after the other, then the
// last one for all further requests, and the number of requests.
func answering(t *testing.T, handlers ...http.HandlerFunc) (*Client, *atomic.Int32) {
	t.Helper()
	var calls atomic.Int32
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(calls.Add(1))
		handlers[min(n, len(handlers))-1](w, r)
	}))
	t.Cleanup(web.Close)
	c, err := New(web.URL+"/", "lethe_key")
	require.NoError(t, err)
	return c, &calls
}

func status(code int, retryAfter, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Request-Id", "r-1")
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

func TestNewReportsMalformedArguments(t *testing.T) {
	for _, address := range []string{"", "127.0.0.1:8787", "ftp://example.org", "http://", "http://[::1"} {
		_, err := New(address, "key")
		require.ErrorContains(t, err, "address of a service", address)
	}
	for _, key := range []string{"", " ", "two words", "line\nbreak"} {
		_, err := New("http://localhost:8787", key)
		require.ErrorContains(t, err, "API key", key)
	}
}

func TestRequestsCarryTheKey(t *testing.T) {
	c, _ := answering(t, func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "Bearer lethe_key", r.Header.Get("Authorization"))
		require.Equal(t, "lethe-go-client", r.Header.Get("User-Agent"))
		require.Equal(t, "/api/chat-history/count", r.URL.Path)
		_, _ = io.WriteString(w, `{"count":7}`)
	})
	n, err := c.Count(t.Context())
	require.NoError(t, err)
	require.Equal(t, 7, n)
}

func TestErrorsHaveStatusMessageAndRequestID(t *testing.T) {
	c, calls := answering(t, status(404, "", `{"error":"Conversation not found"}`))
	_, err := c.Get(t.Context(), "a")
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, Error{Status: 404, Message: "Conversation not found", RequestID: "r-1"}, *e)
	require.EqualError(t, err, "lethe: 404 Not Found: Conversation not found (request r-1)")
	require.True(t, IsNotFound(err))
	require.Equal(t, int32(1), calls.Load())

	c, _ = answering(t, status(502, "", "<html>proxy</html>"))
	_, err = c.Count(t.Context())
	require.EqualError(t, err, "lethe: 502 Bad Gateway: the answer contains no explanation (request r-1)")
	require.False(t, IsNotFound(err))

	c, _ = answering(t, status(200, "", "<html>captive portal</html>"))
	_, err = c.Count(t.Context())
	require.ErrorContains(t, err, "could not be read")
}

func TestCallsAreRetriedOnlyWhereThatIsSafe(t *testing.T) {
	ok := status(200, "", `{"deleted":[],"count":0,"results":[],"items":[]}`)
	calls := map[string]func(*Client, context.Context) error{
		"count": func(c *Client, ctx context.Context) error { _, err := c.Count(ctx); return err },
		"search": func(c *Client, ctx context.Context) error {
			_, err := c.Search(ctx, api.SearchRequest{Query: "q"})
			return err
		},
		"upload": func(c *Client, ctx context.Context) error { _, err := c.Upload(ctx, api.UploadRequest{}); return err },
		"delete": func(c *Client, ctx context.Context) error { _, err := c.Delete(ctx, "a"); return err },
	}
	for name, call := range calls {
		t.Run(name+" after 429", func(t *testing.T) {
			c, n := answering(t, status(429, "", `{"error":"slow down"}`), ok)
			require.NoError(t, call(c, t.Context()))
			require.Equal(t, int32(2), n.Load())
		})
		t.Run(name+" after 503", func(t *testing.T) {
			c, n := answering(t, status(503, "", `{"error":"busy"}`), ok)
			require.NoError(t, call(c, t.Context()))
			require.Equal(t, int32(2), n.Load())
		})
		t.Run(name+" after 500", func(t *testing.T) {
			c, n := answering(t, status(500, "", `{"error":"oops"}`), ok)
			require.Error(t, call(c, t.Context()))
			require.Equal(t, int32(1), n.Load())
		})
	}
}

func TestRetriesSendTheBodyAgain(t *testing.T) {
	var bodies []string
	read := func(next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			data, _ := io.ReadAll(r.Body)
			bodies = append(bodies, string(data))
			next(w, r)
		}
	}
	c, _ := answering(t, read(status(429, "", "")), read(status(200, "", `{}`)))
	_, err := c.Search(t.Context(), api.SearchRequest{Query: "trams"})
	require.NoError(t, err)
	require.Len(t, bodies, 2)
	require.JSONEq(t, `{"query":"trams"}`, bodies[1])
	require.Equal(t, bodies[0], bodies[1])
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	c, calls := answering(t, status(429, "20", `{"error":"slow down"}`))
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := c.Count(ctx)
	var e *Error
	require.ErrorAs(t, err, &e, "it does not wait beyond the caller's deadline")
	require.Equal(t, 20*time.Second, e.RetryAfter)
	require.Equal(t, int32(1), calls.Load())

	ctx, cancel = context.WithCancel(t.Context())
	c, _ = answering(t, func(w http.ResponseWriter, r *http.Request) {
		time.AfterFunc(10*time.Millisecond, cancel)
		status(429, "20", "")(w, r)
	})
	_, err = c.Count(ctx)
	require.True(t, errors.Is(err, context.Canceled), err)
}

func TestRetriesAreLimited(t *testing.T) {
	c, calls := answering(t, status(429, "", `{"error":"slow down"}`))
	c2, err := New("http://"+"localhost", "k", WithRetries(-1), WithUserAgent("x"), WithHTTPClient(http.DefaultClient))
	require.NoError(t, err)
	require.NotNil(t, c2)
	_, err = c.Count(t.Context())
	require.Error(t, err)
	require.Equal(t, int32(1+DefaultRetries), calls.Load())
}

func TestAllStopsAtAnError(t *testing.T) {
	c, _ := answering(t,
		status(200, "", `{"items":[{"id":"a"},{"id":"b"}],"page":1,"pageSize":2,"total":4,"totalPages":2}`),
		status(400, "", `{"error":"no"}`))
	var ids []string
	var last error
	for item, err := range c.All(t.Context(), ListOptions{}) {
		if last = err; err == nil {
			ids = append(ids, item.ID)
		}
	}
	require.Equal(t, []string{"a", "b"}, ids)
	require.Error(t, last)
}

func TestAwaitImportPollsUntilTheImportHasEnded(t *testing.T) {
	c, calls := answering(t,
		status(200, "", `{"status":"queued"}`), status(200, "", `{"status":"processing"}`), status(200, "", `{"status":"failed","error":"too long"}`))
	i, err := c.AwaitImport(t.Context(), "i")
	require.NoError(t, err)
	require.Equal(t, "too long", *i.Error)
	require.Equal(t, int32(3), calls.Load())
}

// The first answer of a delete or an upload may be lost. It is sent again only because the service
// recognizes its key, which is another one for each call.
func TestLostAnswersAreAskedForWithTheSameKey(t *testing.T) {
	breakOff := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for name, call := range map[string]func(*Client, context.Context) error{
		"upload": func(c *Client, ctx context.Context) error { _, err := c.Upload(ctx, api.UploadRequest{}); return err },
		"delete": func(c *Client, ctx context.Context) error { _, err := c.Delete(ctx, "a"); return err },
		"delete matching": func(c *Client, ctx context.Context) error {
			_, err := c.DeleteMatching(ctx, api.DeleteMatchingRequest{})
			return err
		},
		"delete messages": func(c *Client, ctx context.Context) error {
			_, err := c.DeleteMessages(ctx, api.DeleteMessagesRequest{})
			return err
		},
		"delete unchanged": func(c *Client, ctx context.Context) error {
			_, err := c.DeleteUnchanged(ctx, api.DeleteUnchangedRequest{})
			return err
		},
	} {
		for lost, first := range map[string]http.HandlerFunc{"503": status(503, "", ""), "broken off": breakOff, "still running": status(409, "1", "")} {
			t.Run(name+" "+lost, func(t *testing.T) {
				var keys []string
				record := func(next http.HandlerFunc) http.HandlerFunc {
					return func(w http.ResponseWriter, r *http.Request) {
						keys = append(keys, r.Header.Get("Idempotency-Key"))
						next(w, r)
					}
				}
				c, _ := answering(t, record(first), record(status(200, "", `{"deleted":[],"count":0}`)))
				require.NoError(t, call(c, t.Context()))
				require.NoError(t, call(c, t.Context()))
				require.Len(t, keys, 3)
				require.NotEmpty(t, keys[0])
				require.Equal(t, keys[0], keys[1])
				require.NotEqual(t, keys[0], keys[2])
			})
		}
	}
}

// Without a key a delete is not sent again after its answer may have been lost, and a service that
// cannot be reached is reported at once.
func TestWithoutAKeyADeleteIsNotSentAgain(t *testing.T) {
	for _, path := range []string{"DeleteConversations", "DeleteMessagesByPost"} {
		c, n := answering(t, status(503, "", `{"error":"busy"}`))
		var resp *http.Response
		var err error
		if path == "DeleteConversations" {
			resp, err = c.Raw().DeleteConversations(t.Context(), nil, api.DeleteRequest{})
		} else {
			resp, err = c.Raw().DeleteMessagesByPost(t.Context(), nil, api.DeleteMessagesRequest{})
		}
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
		require.Equal(t, int32(1), n.Load(), path)
	}
	require.False(t, brokenOff(&net.OpError{Op: "dial", Err: errors.New("refused")}))
	require.True(t, brokenOff(&net.OpError{Op: "read", Err: errors.New("reset")}))
}
