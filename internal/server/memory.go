package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/budget"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/history"
)

// The memory that requests need, as measured (docs/benchmarks.md, Memory).
const (
	smallBody    = 64 << 10 // bytes of a body that is not counted
	wholeBody    = 1 << 20  // bytes of a body, or of a line, that is read before it is decoded
	bodyCopies   = 3        // how often a body's text is in memory at the same time, at most
	messageCost  = 700      // bytes of one message on its way to the store, without its text
	leastMessage = 28       // bytes of the shortest message in a body
	importCost   = 32 << 20 // bytes for the conversations of a file that wait to be stored, and a line of up to wholeBody
	readingCost  = 4 << 20  // bytes for a conversation that is read page by page
	walkCost     = 20 << 20 // bytes for a page of conversations with their texts
)

// answerCosts are the routes with large answers, and the memory to reserve until the size of
// the answer is known.
var answerCosts = map[string]int64{
	"/api/chat-history/conversation": readingCost,
	"/api/chat-history/export":       readingCost,
	"/v2/hc-interactions/:id/public": readingCost,
	"/v2/hc-interactions/public":     walkCost,
	"/mcp":                           readingCost,
	"/api/mcp/mcp":                   readingCost,
}

// bodyCost returns the maximum memory for a body of n bytes.
func bodyCost(length int64) int64 {
	if length <= smallBody {
		return 0
	}
	return bodyCopies*length + min(length/leastMessage, chat.MaxUploadMessages)*messageCost
}

// uploadCost returns the memory for an upload that was read.
func uploadCost(u chat.Upload) int64 {
	cost := int64(len(u.Messages)) * messageCost
	for _, m := range u.Messages {
		cost += bodyCopies * int64(len(m.Text))
	}
	return cost
}

// reserve makes a request wait for the memory that it needs, and refuses it when the memory
// does not become free in time.
func (s *Server) reserve(maxBody int64) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			share, err := s.share(c, requestCost(c, maxBody))
			if err != nil {
				return err
			}
			defer share.Release()
			return next(c)
		}
	}
}

// share reserves a share of the budget and stores it in the request's context.
func (s *Server) share(c echo.Context, bytes int64) (*budget.Share, error) {
	if bytes == 0 {
		return nil, nil
	}
	share, err := s.budget.Reserve(c.Request().Context(), bytes)
	if err != nil {
		return nil, err
	}
	c.SetRequest(c.Request().WithContext(budget.With(c.Request().Context(), share)))
	return share, nil
}

// requestCost returns the maximum memory for a request, as far as its header says.
func requestCost(c echo.Context, maxBody int64) int64 {
	r := c.Request()
	switch {
	case maxBody == streamed:
		return importCost
	case r.Method == http.MethodGet || r.Method == http.MethodHead || r.ContentLength == 0:
		return answerCosts[c.Path()]
	case r.ContentLength < 0 || r.ContentLength > maxBody:
		return answerCosts[c.Path()] + bodyCost(maxBody)
	}
	return answerCosts[c.Path()] + bodyCost(r.ContentLength)
}

// bodyStart reads the beginning of a body. whole reports whether that is the whole body.
func bodyStart(body io.Reader) (start []byte, whole bool, err error) {
	var read bytes.Buffer
	n, err := io.CopyN(&read, body, wholeBody+1)
	if errors.Is(err, io.EOF) {
		return read.Bytes(), true, nil
	}
	return read.Bytes(), n <= wholeBody, err
}

// settle releases the memory that an answer that is already in memory does not need.
func settle(ctx context.Context, r *history.Reading) {
	if r.Whole() {
		budget.Of(ctx).Shrink(bodyCopies * int64(r.Held()))
	}
}
