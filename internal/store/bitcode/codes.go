package bitcode

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/rank"
)

// Codes are the codes of the vectors of large spaces (ADR 14). They are safe for
// concurrent use, and their methods block only each other.
//
// They never contain the code of a deleted vector:
//
//   - The database numbers the versions of its vectors. The codes of a space belong to
//     one history of versions. They are dropped when another program has committed.
//   - A transaction announces what it changes before it commits. The codes of those
//     conversations are overwritten at once, and the conversations become unread: from
//     then on searches read their vectors from their own snapshots.
//   - Codes enter only through Writer and by one rule (Writer.accepts): only an unread
//     conversation takes codes, and only from a snapshot that contains the change which
//     made it unread. So older codes never replace newer ones, and a deleted
//     conversation takes none.
type Codes struct {
	uses atomic.Int64 // the number of searches

	mu          sync.RWMutex
	limit       int64   // of bytes
	version     int64   // the latest version of the vectors that is known to be committed
	pending     *Change // the change that is being committed, or nil
	bytes       int64
	generations map[Space]*generation
}

// Space identifies the vectors of one model in one workspace.
type Space struct {
	Workspace  chat.WorkspaceID
	Model      string
	Dimensions int
}

// generation is the codes of one space, from the first reading until they are dropped. It
// contains every conversation that has had vectors since version first, either in blocks
// or in unread.
type generation struct {
	space    Space
	first    int64 // the first version in which searches may use it
	building bool  // its Writer is not finished
	blocks   map[chat.ConversationID]block
	unread   map[chat.ConversationID]unread
	changed  int   // how many of unread have changed; the others did not fit
	bytes    int64 // of blocks
	used     atomic.Int64
}

// block is the codes of one conversation.
type block struct {
	since     int64 // the version that changed the conversation last
	positions []int32
	codes     []byte // Size bytes per position
}

// unread marks a conversation that has no codes and must be read.
type unread struct {
	since  int64 // the version that changed the conversation last
	noRoom bool  // its codes did not fit the limit
}

// blockOverhead is the approximate cost of a block besides its codes and positions, in
// bytes.
const blockOverhead = 160

func (b block) bytes() int64 { return int64(len(b.codes)+4*len(b.positions)) + blockOverhead }

// New returns empty Codes with a limit in bytes.
func New(limit int64) *Codes {
	return &Codes{limit: limit, generations: map[Space]*generation{}}
}

// Bytes returns the memory that the codes use.
func (c *Codes) Bytes() int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.bytes
}

// Fits reports whether this number of codes can fit the limit. Each conversation has
// additional costs, so some of them may not fit; those conversations are read.
func (c *Codes) Fits(vectors, dimensions int) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return int64(vectors)*int64(Size(dimensions)) < c.limit
}

// Holds reports whether there are codes of a space.
func (c *Codes) Holds(space Space) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.generations[space] != nil
}

// Serves reports whether Nearest can answer a search whose snapshot has that version. It
// also detects commits of other programs.
func (c *Codes) Serves(space Space, version int64) bool {
	c.mu.RLock()
	latest, served := c.version, c.serving(space, version) != nil
	c.mu.RUnlock()
	if version > latest {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.notice(version)
	}
	return served
}

// Found is the result of Nearest.
type Found struct {
	Nearest []rank.Scored         // by estimate, best first
	Unread  []chat.ConversationID // conversations whose vectors the search must read from its snapshot
	Writer  *Writer               // stores the codes of those vectors
}

// Nearest returns the n passages whose codes are nearest to a query, for a search whose
// snapshot has that version. wanted are the conversations to consider, nil for all. It
// returns false when the codes do not cover that version.
func (c *Codes) Nearest(space Space, version int64, query Query, wanted map[chat.ConversationID]bool, n int) (Found, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	g := c.serving(space, version)
	if g == nil {
		return Found{}, false
	}
	g.used.Store(c.uses.Add(1))
	nearest, later := g.nearest(version, query, wanted, n)
	unread := append(later, slices.Collect(maps.Keys(g.unread))...)
	return Found{nearest, unread, newWriter(c, g, version, unread)}, true
}

// nearest also returns the conversations that have changed since the version.
func (g *generation) nearest(version int64, query Query, wanted map[chat.ConversationID]bool, n int) (nearest []rank.Scored, later []chat.ConversationID) {
	best, size := rank.NewBest(n), Size(g.space.Dimensions)
	score := func(id chat.ConversationID, b block) {
		if b.since > version {
			later = append(later, id)
			return
		}
		b.score(query, size, id, best)
	}
	if wanted == nil {
		for id, b := range g.blocks {
			score(id, b)
		}
	}
	for id := range wanted {
		score(id, g.blocks[id])
	}
	return best.Ranked(), later
}

func (b block) score(query Query, size int, conversation chat.ConversationID, best *rank.Best) {
	for i, position := range b.positions {
		score := float64(query.Estimate(b.codes[i*size : (i+1)*size]))
		if best.Takes(score) {
			best.Offer(rank.Scored{Key: rank.Key{Conversation: conversation, Position: int(position)}, Score: score})
		}
	}
}

// The remaining functions are called with the lock held.

// serving returns the codes of a space if a snapshot of that version can use them.
func (c *Codes) serving(space Space, version int64) *generation {
	g := c.generations[space]
	if g == nil || g.building || version < g.first || version > c.version {
		return nil
	}
	return g
}

// notice drops all codes when another program has made this version, because what it
// changed is unknown.
func (c *Codes) notice(version int64) {
	own := c.pending != nil && version == c.pending.to
	if version > c.version && !own {
		c.dropAll()
		c.version = version
	}
}

// makeRoom drops the codes of other spaces, least recently searched first, until the
// given number of bytes fits. It returns false and drops nothing when they would not fit
// even alone.
func (c *Codes) makeRoom(g *generation, bytes int64) bool {
	if g.bytes+bytes > c.limit {
		return false
	}
	for c.bytes+bytes > c.limit {
		c.drop(c.longestUnused(g))
	}
	return true
}

func (c *Codes) longestUnused(except *generation) (oldest *generation) {
	for _, g := range c.generations {
		if g != except && (oldest == nil || g.used.Load() < oldest.used.Load()) {
			oldest = g
		}
	}
	return oldest
}

func (c *Codes) drop(g *generation) {
	for id := range g.blocks {
		c.remove(g, id)
	}
	if c.generations[g.space] == g {
		delete(c.generations, g.space)
	}
}

func (c *Codes) dropAll() {
	for _, g := range c.generations {
		c.drop(g)
	}
}

// remove overwrites and removes the codes of a conversation.
func (c *Codes) remove(g *generation, id chat.ConversationID) {
	if b, ok := g.blocks[id]; ok {
		clear(b.codes)
		delete(g.blocks, id)
		c.bytes -= b.bytes()
		g.bytes -= b.bytes()
	}
}

// markUnread marks a conversation that must be read.
func (g *generation) markUnread(id chat.ConversationID, mark unread) {
	g.markRead(id)
	g.unread[id] = mark
	if !mark.noRoom {
		g.changed++
	}
}

// markRead is the inverse of markUnread.
func (g *generation) markRead(id chat.ConversationID) {
	if mark, ok := g.unread[id]; ok && !mark.noRoom {
		g.changed--
	}
	delete(g.unread, id)
}
