package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/history"
)

// A client whose request is refused before the body was read cannot hold the connection
// by sending the body byte by byte.
func TestARefusedBodyDoesNotKeepTheConnection(t *testing.T) {
	service := httptest.NewServer(New(Options{History: history.New(history.Options{})}).Handler())
	defer service.Close()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", service.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()                                                   //nolint:errcheck // the other side has closed it
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second))) // it only ends a failing test
	_, err = fmt.Fprintf(conn, "POST /api/chat-history/ingest/custom-online HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
	require.NoError(t, err)
	answers := bufio.NewReader(conn)
	answer, err := http.ReadResponse(answers, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, answer.StatusCode)
	_, err = io.Copy(io.Discard, answer.Body)
	require.NoError(t, err)
	_, err = answers.ReadByte()
	require.ErrorIs(t, err, io.EOF, "the service must close the connection")
}

// An answer that the client does not read is cut off, and its memory is released.
func TestAnAnswerThatIsNotReadIsCutOff(t *testing.T) {
	s := New(Options{History: history.New(history.Options{}), Pace: Pace{Write: 50 * time.Millisecond}})
	ended := make(chan error, 1)
	s.echo.GET("/endless", func(c echo.Context) error {
		out := &streamedAnswer{w: c.Response()}
		for {
			if _, err := out.Write(make([]byte, answerSize)); err != nil {
				ended <- err
				return err
			}
		}
	})
	service := httptest.NewServer(s.Handler())
	defer service.Close()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", service.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close() //nolint:errcheck // the other side has closed it
	_, err = io.WriteString(conn, "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	select {
	case err := <-ended:
		require.ErrorIs(t, err, errGone)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	case <-time.After(20 * time.Second): // it only ends a failing test
		require.Fail(t, "the answer is still being written")
	}
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second))) // it only ends a failing test
	_, err = io.Copy(io.Discard, conn)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the service must close the connection")
}
