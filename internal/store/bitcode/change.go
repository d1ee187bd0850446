package bitcode

import "github.com/lethe-chat/lethe/internal/chat"

// Conversations are ids by workspace.
type Conversations map[chat.WorkspaceID]map[string]struct{}

// Change is a transaction that is about to commit. Committed or Failed ends it.
type Change struct {
	codes *Codes
	to    int64
	ids   Conversations
}

// Announce tells the codes that a transaction is about to commit. It found the vectors
// in one version, leaves them in another, and changes those of the conversations. Their
// codes are overwritten before Announce returns, and so before the commit. There is one
// transaction at a time.
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

// fewChanged is how many changed conversations are always worth remembering.
const fewChanged = 1000

// apply takes the codes out that a change makes wrong. When nobody has searched for
// long, and most of a space has changed, it drops the rest too.
func (c *Codes) apply(change *Change, g *generation) {
	for id := range change.ids[g.space.Workspace] {
		c.remove(g, id)
		g.markUnread(id, unread{since: change.to})
	}
	if g.changed > max(fewChanged, len(g.blocks)) {
		c.drop(g)
	}
}

// Committed says that the transaction is committed: searches can see its version.
func (change *Change) Committed() {
	c := change.codes
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version = max(c.version, change.to)
	c.pending = nil
}

// Failed says that the transaction has changed nothing. The next search reads the
// conversations that it would have changed: they are now unread since a version that
// there is.
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
