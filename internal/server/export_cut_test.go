package server

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/exports/lethe"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
)

// An incomplete file must not look complete. An export that fails after its first line is cut off; one that fails
// before it is answered with an error.
func TestAnExportThatFailsIsCut(t *testing.T) {
	broken := fault.New(fault.Unavailable, "the database is closed")
	for lines, want := range map[int]int{0: http.StatusServiceUnavailable, 1: http.StatusOK, 300: http.StatusOK} {
		s := New(Options{})
		s.echo.GET("/export", func(c echo.Context) error {
			return exported{c.Request().Context(), func(yield func(history.Exported, error) bool) {
				for range lines {
					if !yield(history.Exported{Reading: &history.Reading{}}, nil) {
						return
					}
				}
				yield(history.Exported{}, broken)
			}, lethe.Write}.VisitExportConversationsResponse(c.Response())
		})
		service := httptest.NewServer(s.Handler())
		answer, err := service.Client().Get(service.URL + "/export")
		if err == nil { // with few lines the connection may close before the header is sent
			_, err = io.ReadAll(answer.Body)
			require.NoError(t, answer.Body.Close())
			require.Equal(t, want, answer.StatusCode)
		}
		require.Equal(t, lines > 0, err != nil, "%d lines: %v", lines, err)
		service.Close()
	}
}

// The log has the reason why an answer was cut off, unless the client disconnected. The
// caller sees that the answer is incomplete.
func TestACutExportIsLogged(t *testing.T) {
	for reason, level := range map[error]string{
		fault.New(fault.Internal, "the disk is broken"): "ERROR",
		errors.Join(errGone, errors.New("broken pipe")): "INFO",
	} {
		log := make(chan string, 100)
		s := New(Options{Logger: slog.New(slog.NewTextHandler(channel(log), nil))})
		s.echo.GET("/export", func(c echo.Context) error {
			return exported{c.Request().Context(), func(yield func(history.Exported, error) bool) {
				for range 300 {
					if !yield(history.Exported{Reading: &history.Reading{}}, nil) {
						return
					}
				}
				yield(history.Exported{}, reason)
			}, lethe.Write}.VisitExportConversationsResponse(c.Response())
		})
		service := httptest.NewServer(s.Handler())
		answer, err := service.Client().Get(service.URL + "/export")
		require.NoError(t, err)
		_, err = io.ReadAll(answer.Body)
		require.Error(t, err)
		require.NoError(t, answer.Body.Close())
		service.Close() // this waits until every line is written
		close(log)
		var written []string
		for line := range log {
			written = append(written, line)
		}
		all := strings.Join(written, "")
		require.Contains(t, all, "route=/export")
		require.Equal(t, level == "ERROR", strings.Contains(all, "level=ERROR"), all)
		require.Equal(t, level == "ERROR", strings.Contains(all, "the disk is broken"), all)
	}
}

// channel is a log whose lines are received as they are written.
type channel chan string

func (c channel) Write(p []byte) (int, error) {
	c <- string(p)
	return len(p), nil
}
