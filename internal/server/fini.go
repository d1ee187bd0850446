package server

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/pkg/api"
)

// fini serves the routes under /v2, which are those of Fini's public Conversations API, for
// one request. They use the same conversations and the same delete as memoryPlugin.
type fini struct{ access history.Access }

// finiRoot is the prefix of all paths that are answered in Fini's envelope.
const finiRoot = "/v2/"

// The messages that Fini documents literally.
const (
	finiUnauthorized  = badKey
	finiForbidden     = "API key does not have the required scope for this operation"
	finiNotAccessible = "One or more interactions not accessible to the user"
)

// finiBots are the parts of paths that Fini's API has for its bots. Lethe has none.
var finiBots = []string{"/events/", "ask-question"}

// withoutBots says what Lethe does not do when a request for a bot found no route. Another
// method may have its path.
func withoutBots(path string, p problem) problem {
	var routing *echo.HTTPError
	if errors.As(p.cause, &routing) && slices.ContainsFunc(finiBots, func(part string) bool { return strings.Contains(path, part) }) {
		p.status = http.StatusNotFound
		p.message = "Lethe stores conversations and has no bots: it takes no events and answers no questions. " +
			"Upload with POST /api/chat-history/ingest/custom-online, ask with POST /api/chat-history/inject"
	}
	return p
}

// finiEnvelope is Fini's envelope. It has one text for every problem with a key, and one
// for every missing scope.
func finiEnvelope(p problem) any {
	switch {
	case p.status == http.StatusUnauthorized:
		p.message = finiUnauthorized
	case history.IsScope(p.cause):
		p.message = finiForbidden
	}
	return api.PublicError{StatusCode: p.status, Message: p.message, Error: http.StatusText(p.status)}
}
