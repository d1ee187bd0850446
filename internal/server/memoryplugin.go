package server

import "github.com/lethe-chat/lethe/internal/history"

// memoryPlugin answers the routes under /api/chat-history, those of
// MemoryPlugin's chat-history API and our additions to it, for one request. Each
// handler reads the wire's types, asks history for one thing, and writes the wire's
// types.
type memoryPlugin struct {
	access  history.Access
	maxLine int64 // bytes of one line of an imported file
}
