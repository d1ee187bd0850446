package server

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/mcp"
)

// agentPaths are where the Model Context Protocol is spoken. The second is MemoryPlugin's.
var agentPaths = []string{"/mcp", "/api/mcp/mcp"}

// maxBatch is the most messages of one request. Only the oldest revision of the protocol has
// requests with several.
const maxBatch = 20

// agentRoute is the route of a path of the protocol. It needs a key of any scope; each tool
// asks history for itself.
func (s *Server) agentRoute(path string) route {
	return route{method: http.MethodPost, path: path, does: history.OpRights, maxBody: s.options.MaxBody, reading: lenient}
}

// speak answers a request of the protocol.
func (s *Server) speak(access history.Access) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if origin := r.Header.Get(echo.HeaderOrigin); origin != "" && !s.allowsOrigin(origin, r) {
			return fault.New(fault.Forbidden, "pages of this origin may not use this service; the operator can allow it with LETHE_CORS_ORIGINS")
		}
		body, err := agentBody(r)
		if err != nil {
			return err
		}
		who, _ := askedBy(c)
		r = r.Clone(r.Context())
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		// Programs that are no MCP client, such as curl, need not name both types. The answer is JSON.
		r.Header.Set(echo.HeaderAccept, "application/json, text/event-stream")
		r.Header.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
		s.agents.Serve(c.Response(), r, mcp.Caller{Access: access, Again: func() (history.Access, error) { return s.history.As(who) }})
		return nil
	}
}

// agentBody reads the body of a request of the protocol: JSON, with not too many messages.
func agentBody(r *http.Request) ([]byte, error) {
	if r.ContentLength != 0 {
		if err := checkMediaType(r.Header); err != nil {
			return nil, err
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, unread(err)
	}
	if !json.Valid(body) {
		return nil, fault.Invalidf("the body must be a JSON-RPC message")
	}
	var batch []json.RawMessage
	if json.Unmarshal(body, &batch) == nil && len(batch) > maxBatch {
		return nil, fault.Invalidf("a request may have at most %d messages, got %d", maxBatch, len(batch))
	}
	return body, nil
}
