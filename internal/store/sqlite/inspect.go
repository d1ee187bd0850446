package sqlite

import "github.com/lethe-chat/lethe/internal/chat"

// CodesOf returns the codes that are kept of a conversation, in the very memory in
// which they are, and whether any space knows the conversation at all.
func (d *Database) CodesOf(conversation string) (codes [][]byte, known bool) {
	d.codes.mu.RLock()
	defer d.codes.mu.RUnlock()
	for _, space := range d.codes.spaces {
		if b, ok := space.blocks[conversation]; ok {
			codes, known = append(codes, b.codes), true
		}
	}
	return codes, known
}

// Coded returns how many conversations of a workspace have codes.
func (d *Database) Coded(ws chat.WorkspaceID) (n int) {
	d.codes.mu.RLock()
	defer d.codes.mu.RUnlock()
	for _, space := range d.codes.spaces {
		if space.Workspace == ws {
			n += len(space.blocks)
		}
	}
	return n
}

// LimitCodes sets how many bytes the codes may take.
func (d *Database) LimitCodes(bytes int64) { d.codes.limit = bytes }
