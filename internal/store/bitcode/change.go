package bitcode

import "github.com/lethe-chat/lethe/internal/chat"

// Conversations maps workspaces to ids of conversations.
type Conversations map[chat.WorkspaceID]map[chat.ConversationID]struct{}

// Change is a transaction that is about to commit. Call Committed or Failed to end it.
type Change struct {
	codes *Codes
	to    int64
	ids   Conversations
}

// Announce reports that a transaction is about to commit. The transaction found the
// vectors in version from, leaves them in version to, and changes the given
// conversations. Announce overwrites their codes before it returns, and so before the
// commit. There is one transaction at a time.
func (c *Codes) Announce(from, to int64, ids Conversations) *Change {
	c.mu.Lock()
	defer c.mu.Unlock()
	if from != c.version { // another program has committed since
		c.dropAll()
		c.version = from
	}
	c.pending = &Change{codes: c, to: to, ids: ids}
	for _, g := range c.generations {
		c.apply(c.pending, g)
	}
	return c.pending
}

// fewChanged is a number of changed conversations that is always worth remembering.
const fewChanged = 1000

// apply removes the codes that a change makes wrong. If nobody has searched a space for
// long and most of it has changed, apply drops all its codes.
func (c *Codes) apply(change *Change, g *generation) {
	for id := range change.ids[g.space.Workspace] {
		c.remove(g, id)
		g.markUnread(id, unread{since: change.to})
	}
	if g.changed > max(fewChanged, len(g.blocks)) {
		c.drop(g)
	}
}

// Committed reports that the transaction is committed: searches can see its version.
func (change *Change) Committed() {
	c := change.codes
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version = max(c.version, change.to)
	c.pending = nil
}

// Failed reports that the transaction has changed nothing. The next search reads the
// conversations that it would have changed; they are marked unread since the version
// before it.
func (change *Change) Failed() {
	c := change.codes
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = nil
	for _, g := range c.generations {
		for id := range change.ids[g.space.Workspace] {
			if g.unread[id].since == change.to {
				g.markUnread(id, unread{since: c.version})
			}
		}
	}
}
