package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/exports/lethe"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
)

// Half a file must never look like a whole one: what fails after the first line
// ends in a broken answer, and what fails before it in an error.
func TestAnExportThatFailsIsCut(t *testing.T) {
	broken := fault.New(fault.Unavailable, "the store is gone")
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
		if err == nil { // with few lines the connection may end before the header is out
			_, err = io.ReadAll(answer.Body)
			require.NoError(t, answer.Body.Close())
			require.Equal(t, want, answer.StatusCode)
		}
		require.Equal(t, lines > 0, err != nil, "%d lines: %v", lines, err)
		service.Close()
	}
}
