package bitcode

import "github.com/lethe-chat/lethe/internal/chat"

// Of returns the codes of a conversation without copying them, and whether there are any. Tests use it to check that
// they are overwritten.
func (c *Codes) Of(conversation chat.ConversationID) (codes [][]byte, known bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, g := range c.generations {
		if b, ok := g.blocks[conversation]; ok {
			codes, known = append(codes, b.codes), true
		}
	}
	return codes, known
}

// Count returns how many conversations of a workspace have codes.
func (c *Codes) Count(ws chat.WorkspaceID) (n int) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for space, g := range c.generations {
		if space.Workspace == ws {
			n += len(g.blocks)
		}
	}
	return n
}

// SetLimit changes the limit in bytes.
func (c *Codes) SetLimit(bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit = bytes
}
