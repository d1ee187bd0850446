package server

import (
	"net/http"

	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/pkg/api"
)

// fini answers the routes under /v2, those of Fini's public Conversations API,
// over the same conversations and with the same delete as memoryPlugin, for one
// request.
type fini struct{ access history.Access }

// finiRoot begins the path of everything that is answered in Fini's envelope.
const finiRoot = "/v2/"

// The messages that Fini documents word by word.
const (
	finiUnauthorized  = badKey
	finiForbidden     = "API key does not have the required scope for this operation"
	finiNotAccessible = "One or more interactions not accessible to the user"
)

// finiEnvelope is Fini's. One text stands for everything that may be wrong with a
// key, and one for every missing scope.
func finiEnvelope(p problem) any {
	switch {
	case p.status == http.StatusUnauthorized:
		p.message = finiUnauthorized
	case history.IsScope(p.cause):
		p.message = finiForbidden
	}
	return api.PublicError{StatusCode: p.status, Message: p.message, Error: http.StatusText(p.status)}
}
