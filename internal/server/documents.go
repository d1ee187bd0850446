package server

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/pkg/api"
)

// documents serves the routes under /v3 and /v4, which are those of supermemory's API that a chat
// history needs, for one request. They use the same conversations, search and delete as memoryPlugin.
type documents struct{ access history.Access }

// documentRoots are the prefixes of all paths that are answered in supermemory's envelope.
var documentRoots = []string{"/v3/", "/v4/"}

// isDocuments reports whether a path belongs to supermemory's API.
func isDocuments(path string) bool {
	for _, root := range documentRoots {
		if strings.HasPrefix(path, root) {
			return true
		}
	}
	return false
}

// documentEnvelope is supermemory's envelope.
func documentEnvelope(p problem) any {
	return api.DocumentError{Error: http.StatusText(p.status), Details: p.message}
}

// withoutDocuments says what Lethe serves of supermemory's API when a request found no route. The
// path of a route that Lethe does not have may look like the id of a document.
func withoutDocuments(p problem) problem {
	if (p.status == http.StatusNotFound || p.status == http.StatusMethodNotAllowed) && errors.As(p.cause, new(*echo.HTTPError)) {
		p.status = http.StatusNotFound
		p.message = "Lethe serves the part of this API that a chat history needs: POST /v4/conversations, POST /v3/documents, " +
			"GET and DELETE /v3/documents/{id}, DELETE /v3/documents/bulk, POST /v3/search and POST /v4/search"
	}
	return p
}

// defaultContainer is the platform of conversations that are stored without a container.
const defaultContainer = "supermemory"

// container returns the platform that a container tag means; empty for none. A conversation belongs
// to one container.
func (f *fields) container(tag *string, tags []string) string {
	switch {
	case len(tags) > 1:
		f.refuse("containerTags must have one item, because a conversation belongs to one container")
	case len(tags) == 1 && tag != nil && *tag != tags[0]:
		f.refuse("containerTag and containerTags are two names of the same field, and here they differ")
	case len(tags) == 1:
		return tags[0]
	}
	return value(tag)
}

// documentStatus is the state of a conversation's index in supermemory's terms.
func documentStatus(s chat.IndexState) api.DocumentStatus {
	switch s {
	case chat.Ready:
		return api.DocumentStatusDone
	case chat.Indexing:
		return api.DocumentStatusIndexing
	case chat.Failed:
		return api.DocumentStatusFailed
	}
	return api.DocumentStatusQueued
}
