package server

import (
	"context"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/imports"
	"github.com/lethe-chat/lethe/internal/markdown"
)

// memoryPlugin serves the routes under /api/chat-history for one request: those of
// MemoryPlugin's chat-history API and Lethe's additions. Each handler reads the wire's types,
// makes one call to history, and writes the wire's types.
type memoryPlugin struct {
	access   history.Access
	imports  *imports.Importer
	maxLine  int64 // bytes of one line of an imported file
	length   int64 // bytes of the request's body; -1 when unknown
	markdown *markdown.Renderer
	stopping context.Context  //nolint:containedctx // it ends when the service stops
	sender   auth.SenderStyle // the key's style, unless the request asks for another
	head     bool             // a HEAD request: only the header of the answer is sent
}
