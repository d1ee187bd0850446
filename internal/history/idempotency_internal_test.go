package history

import "github.com/lethe-chat/lethe/internal/chat"

// BeginKeyed begins a request with an idempotency key, as an operation does before its transaction.
func BeginKeyed(h *History, ws chat.WorkspaceID, keyID, key string) (end func(), err error) {
	k := keyed{running: &h.keys}
	k.request.KeyID, k.request.Key = keyID, key
	return k.begin(ws)
}
