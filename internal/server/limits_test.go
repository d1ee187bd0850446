package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/server/wire"
)

func TestRateLimiterForgetsIdleKeys(t *testing.T) {
	now := time.Unix(0, 0)
	l := newRateLimiter(1, 1, func() time.Time { return now })
	for i := range maxBuckets {
		require.Zero(t, l.wait(strconv.Itoa(i)))
	}
	require.Equal(t, time.Second, l.wait("0"), "its one request is spent")
	require.Zero(t, l.wait("one more"))
	require.LessOrEqual(t, len(l.buckets), maxBuckets, "even when every key is busy")
	now = now.Add(time.Second)
	require.Zero(t, l.wait("another"))
	require.Len(t, l.buckets, 1, "full buckets are as good as none")
}

func TestNoRateLimitByDefault(t *testing.T) {
	require.Nil(t, newRateLimiter(0, 5, time.Now))
}

// The work has its deadline, and the deadline's end is answered like any fault.
func TestWorkHasADeadline(t *testing.T) {
	s := New(Options{RequestTimeout: time.Millisecond})
	work := s.limitTime(func(c echo.Context, _ any) (any, error) {
		<-c.Request().Context().Done()
		return nil, c.Request().Context().Err()
	}, "")
	s.echo.GET("/slow", func(c echo.Context) error { _, err := work(c, nil); return err })
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/slow", nil))
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.JSONEq(t, `{"error":"the request was canceled or took too long"}`, w.Body.String())
}

// What one delete cannot do in its time, no delete can ever do: they have longer,
// and their answer arrives although the connection's own time is over.
func TestDeletesHaveMoreTime(t *testing.T) {
	const limit = 40 * time.Millisecond
	s := New(Options{RequestTimeout: limit})
	for operation := range deletes {
		work := s.limitTime(func(c echo.Context, _ any) (any, error) {
			select {
			case <-c.Request().Context().Done():
				return nil, c.Request().Context().Err()
			case <-time.After(2 * limit):
				return nil, c.String(http.StatusOK, "done")
			}
		}, operation)
		s.echo.GET("/"+operation, func(c echo.Context) error { _, err := work(c, nil); return err })
	}
	service := httptest.NewUnstartedServer(s.Handler())
	service.Config.WriteTimeout = limit
	service.Start()
	defer service.Close()
	for operation := range deletes {
		answer, err := service.Client().Get(service.URL + "/" + operation)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, http.StatusOK, answer.StatusCode)
	}
	operations := reflect.TypeFor[wire.StrictServerInterface]()
	for operation := range deletes {
		_, known := operations.MethodByName(operation)
		require.True(t, known, operation)
	}
}

func TestServerHasEveryTimeout(t *testing.T) {
	h := New(Options{}).HTTPServer("127.0.0.1:0")
	for _, d := range []time.Duration{h.ReadHeaderTimeout, h.ReadTimeout, h.WriteTimeout, h.IdleTimeout} {
		require.Positive(t, d)
	}
	require.Greater(t, h.WriteTimeout, h.ReadTimeout+DefaultRequestTimeout, "else a slow upload could not be answered")
}
