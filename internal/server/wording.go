package server

import (
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
)

// wireNames is the only table of the wire names of the domain's fields, by operation. A field
// that is not in it has the same name in both.
var wireNames = map[history.Operation]fault.Names{
	history.OpIngest:          uploadNames,
	history.OpFeedImport:      uploadNames,
	history.OpImportFile:      uploadNames,
	history.OpDeleteMessages:  {"messages": "messageIds"},
	history.OpDeleteUnchanged: {"seen": "conversations"},
	history.OpLiftExclusions:  {"external ids": "platformConversationIds"},
	history.OpRecall:          {"text": "query", "queries.text": "query", "floor": "minScore"},
	history.OpSearch:          {"text": "query", "floor": "minScore"},
	history.OpWalk:            {"sources": "source"},
}

var uploadNames = fault.Names{
	"display name":         "platformDisplayName",
	"external id":          "conversation.id",
	"created at":           "conversation.createdAt",
	"updated at":           "conversation.updatedAt",
	"link":                 "conversation.link",
	"from":                 "conversation.from",
	"messages":             "conversation.messages",
	"messages.external id": "id",
	"messages.created at":  "createdAt",
	"messages.text":        "content",
}

// documentNames are the wire names in supermemory's API.
var documentNames = map[history.Operation]fault.Names{
	history.OpIngest: {
		"platform": "containerTag", "external id": "conversationId", "messages": "messages", "messages.text": "content",
	},
	history.OpSearch: {"text": "q", "floor": "threshold"},
}

// namesOf returns the wire names of the domain's fields in the API of a request.
func namesOf(c echo.Context) fault.Names {
	if isDocuments(c.Request().URL.Path) {
		return documentNames[doneBy(c)]
	}
	return wireNames[doneBy(c)]
}

// badKey is the text of both APIs for a key that is unknown or revoked.
const badKey = "Invalid or revoked API key"

// notFound is the text of MemoryPlugin's API for a thing that does not exist.
func notFound(thing string) string {
	return strings.ToUpper(thing[:1]) + thing[1:] + " not found"
}

// worded returns the text of an error with the names of the wire.
func worded(err error, names fault.Names) string {
	if thing, ok := fault.MissingThing(err); ok {
		return notFound(thing)
	}
	return fault.Worded(err, names)
}

// doesKey is the key under which Echo stores the operation of the request's route.
const doesKey = "lethe.does"

// doneBy returns the operation of the request's route; empty before a route is found.
func doneBy(c echo.Context) history.Operation {
	op, _ := c.Get(doesKey).(history.Operation)
	return op
}
