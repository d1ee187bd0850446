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
// concurrent use, and no method waits for anything but the others.
//
// They must never hold the code of a deleted vector, so:
//
//   - The database numbers the versions of its vectors. The codes of a space belong to
//     one history of versions; when another program has committed, they are dropped.
//   - A transaction announces what it changes before it commits. The codes of those
//     conversations are overwritten at once, and the conversations become unread: from
//     then on searches read them from their snapshots.
//   - There is one way in for codes, Writer, and one rule (Writer.accepts): only an
//     unread conversation takes codes, and only from a snapshot that has the change
//     which made it unread. So older codes never replace newer ones, and a deleted
//     conversation, which nobody reads as unread any more, takes none.
type Codes struct {
	uses atomic.Int64 // counts searches

	mu          sync.RWMutex
	limit       int64   // of bytes
	version     int64   // of the vectors, the latest that is known to be committed
	pending     *Change // the change that is being committed; nil when there is none
	bytes       int64
	generations map[Space]*generation
}

// Space names the vectors that one workspace has of one model.
type Space struct {
	Workspace  chat.WorkspaceID
	Model      string
	Dimensions int
}

// generation is the codes of one space, from when they were read until they are
// dropped. Every conversation that had vectors in a version from first on is in blocks
// or in unread.
type generation struct {
	space    Space
	first    int64 // the first version in which searches may use it
	building bool  // its Writer has not finished
	blocks   map[string]block
	unread   map[string]unread
	changed  int   // how many of unread have changed, and not only found no room
	bytes    int64 // of blocks
	used     atomic.Int64
}

// block is the codes of a conversation.
type block struct {
	since     int64 // the version that changed the conversation last
	positions []int32
	codes     []byte // Size bytes for each position
}

// unread says that a conversation has no codes and must be read.
type unread struct {
	since  int64 // the version that changed the conversation last
	noRoom bool  // its codes did not fit the limit
}

// blockOverhead is about what a block costs besides its codes and positions.
const blockOverhead = 160

func (b block) bytes() int64 { return int64(len(b.codes)+4*len(b.positions)) + blockOverhead }

// New returns codes that take at most limit bytes.
func New(limit int64) *Codes {
	return &Codes{limit: limit, generations: map[Space]*generation{}}
}

// Bytes is how much memory the codes take.
func (c *Codes) Bytes() int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.bytes
}

// Fits reports whether the codes of so many vectors can fit the limit. More of them
// may not, because a conversation has a cost of its own: those are then read.
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

// Serves reports whether Nearest would answer a search whose snapshot has that
// version. It also notices what another program has committed.
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

// Found is what a search finds in the codes.
type Found struct {
	Nearest []rank.Scored // by estimate, best first
	Unread  []string      // conversations that the search must read from its snapshot
	Writer  *Writer       // takes the codes of what was read
}

// Nearest returns the n passages whose codes are nearest to a query, for a search
// whose snapshot has that version. wanted are the conversations that count, nil for
// all. It returns false when the codes do not have that version.
func (c *Codes) Nearest(space Space, version int64, query Query, wanted map[string]bool, n int) (Found, bool) {
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

// nearest also returns the conversations that have changed after the version.
func (g *generation) nearest(version int64, query Query, wanted map[string]bool, n int) (nearest []rank.Scored, later []string) {
	best, size := rank.NewBest(n), Size(g.space.Dimensions)
	score := func(id string, b block) {
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

func (b block) score(query Query, size int, conversation string, best *rank.Best) {
	for i, position := range b.positions {
		score := float64(query.Estimate(b.codes[i*size : (i+1)*size]))
		if best.Takes(score) {
			best.Offer(rank.Scored{Key: rank.Key{Conversation: conversation, Position: int(position)}, Score: score})
		}
	}
}

// The rest is called with the lock held.

// serving returns the codes of a space if a snapshot of that version can use them.
func (c *Codes) serving(space Space, version int64) *generation {
	g := c.generations[space]
	if g == nil || g.building || version < g.first || version > c.version {
		return nil
	}
	return g
}

// notice drops all codes when the version is one that another program has made: nobody
// knows what it changed.
func (c *Codes) notice(version int64) {
	own := c.pending != nil && version == c.pending.to
	if version > c.version && !own {
		c.dropAll()
		c.version = version
	}
}

// makeRoom drops the codes of other spaces, the one that was searched longest ago
// first, until so many bytes more fit. It returns false, and drops nothing, when they
// would not fit even alone.
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

// remove overwrites the codes of a conversation and takes them out.
func (c *Codes) remove(g *generation, id string) {
	if b, ok := g.blocks[id]; ok {
		clear(b.codes)
		delete(g.blocks, id)
		c.bytes -= b.bytes()
		g.bytes -= b.bytes()
	}
}

// markUnread says that a conversation must be read.
func (g *generation) markUnread(id string, mark unread) {
	g.markRead(id)
	g.unread[id] = mark
	if !mark.noRoom {
		g.changed++
	}
}

// markRead is the inverse of markUnread.
func (g *generation) markRead(id string) {
	if mark, ok := g.unread[id]; ok && !mark.noRoom {
		g.changed--
	}
	delete(g.unread, id)
}
