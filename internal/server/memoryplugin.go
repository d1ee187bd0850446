package server

import "github.com/lethe-chat/lethe/internal/history"

// memoryPlugin answers the routes under /api/chat-history, those of
// MemoryPlugin's chat-history API and our additions to it. Each handler reads
// the wire's types, calls history once, and writes the wire's types.
type memoryPlugin struct {
	history *history.History
	maxLine int64 // bytes of one line of an imported file
}
