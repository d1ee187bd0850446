package server

import (
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
)

// wireNames is the one place where the domain's fields get their names on the wire,
// by what was asked. A field that is not here is called the same in both.
var wireNames = map[history.Operation]fault.Names{
	history.OpIngest:          uploadNames,
	history.OpImportFile:      uploadNames,
	history.OpDeleteUnchanged: {"seen": "conversations"},
	history.OpLiftExclusions:  {"external ids": "platformConversationIds"},
	history.OpRecall:          {"text": "query", "queries.text": "query"},
	history.OpSearch:          {"text": "query"},
	history.OpWalk:            {"sources": "source"},
}

var uploadNames = fault.Names{
	"display name":         "platformDisplayName",
	"external id":          "conversation.id",
	"created at":           "conversation.createdAt",
	"updated at":           "conversation.updatedAt",
	"messages":             "conversation.messages",
	"messages.external id": "id",
	"messages.created at":  "createdAt",
}

// badKey is what both APIs say of a key that is unknown or was revoked.
const badKey = "Invalid or revoked API key"

// notFound is what MemoryPlugin's API says of a thing that is not there.
func notFound(thing string) string {
	return strings.ToUpper(thing[:1]) + thing[1:] + " not found"
}

// worded is the text of an error in the words of the wire.
func worded(err error, op history.Operation) string {
	if thing, ok := fault.MissingThing(err); ok {
		return notFound(thing)
	}
	return fault.Worded(err, wireNames[op])
}

// doesKey is where Echo keeps what the route of a request does.
const doesKey = "lethe.does"

// doneBy returns what the route of a request does; empty before a route is found.
func doneBy(c echo.Context) history.Operation {
	op, _ := c.Get(doesKey).(history.Operation)
	return op
}
