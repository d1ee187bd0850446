package server

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/history"
)

// An operation that may take longer than others is answered, although the connection's
// own deadline has passed.
func TestLongOperationsAreAnswered(t *testing.T) {
	const limit = 40 * time.Millisecond
	s := New(Options{History: history.New(history.Options{Patience: limit})})
	for _, op := range []history.Operation{history.OpDeleteConversations, history.OpDeleteMatching, history.OpDeleteBulk} {
		s.echo.GET("/"+string(op), func(c echo.Context) error {
			s.extendWriting(c, op)
			<-time.After(2 * limit)
			return c.String(http.StatusOK, "done")
		})
	}
	service := httptest.NewUnstartedServer(s.Handler())
	service.Config.WriteTimeout = limit
	service.Start()
	defer service.Close()
	for _, op := range []history.Operation{history.OpDeleteConversations, history.OpDeleteMatching, history.OpDeleteBulk} {
		answer, err := service.Client().Get(service.URL + "/" + string(op))
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, http.StatusOK, answer.StatusCode)
	}
}

func TestServerHasEveryTimeout(t *testing.T) {
	h := New(Options{History: history.New(history.Options{})}).HTTPServer("127.0.0.1:0")
	for _, d := range []time.Duration{h.ReadHeaderTimeout, h.ReadTimeout, h.WriteTimeout, h.IdleTimeout} {
		require.Positive(t, d)
	}
	require.Greater(t, h.WriteTimeout, h.ReadTimeout+history.DefaultPatience, "otherwise a slow upload could not be answered")
}
