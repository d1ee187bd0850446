package sqlite

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/signs"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// codes keep the signs of vectors in memory (ADR 14), of every space that has been
// searched and is large, so that a search need read only the vectors that may be the
// nearest. They must never know a vector that is deleted:
//
//   - The transaction that changes vectors takes the codes of their conversations out
//     before its commit returns, and overwrites them (committed). The next search
//     reads those that are left of such a conversation, or new, from the database.
//   - The database numbers the states of its vectors. All codes are of one state; a
//     search whose snapshot is of another does not use them. So what another program
//     has committed is noticed by the next search, and the codes begin anew.
//
// The lock is held while a search looks at the codes, from before its snapshot begins:
// nothing it sees can be gone from the snapshot.
type codes struct {
	limit int64 // of bytes, over all spaces
	clock atomic.Int64

	// coming is the version that a transaction of this program is committing, 0 when
	// none is: who finds it before the codes have heard of it must not take it for
	// another program's.
	coming atomic.Int64

	mu      sync.RWMutex
	version int64 // the state of the vectors
	bytes   int64
	spaces  map[dialect.VectorSpace]*codedSpace // by their names: Vectors is 0
}

// codedSpace is the codes of one space.
type codedSpace struct {
	dialect.VectorSpace
	blocks   map[string]block // by conversation
	changed  map[string]int64 // conversations to be read again, and the version that has changed them
	complete bool             // every conversation is in blocks or changed
	used     atomic.Int64     // when, by the clock, which counts searches
}

// block is the codes of a conversation.
type block struct {
	positions []int32
	codes     []byte // of signs.Size for each position
}

// maxCodeBytes is enough for the codes of two million vectors of 512 numbers.
const maxCodeBytes = 128 << 20

func newCodes(limit int64) *codes {
	return &codes{limit: limit, spaces: map[dialect.VectorSpace]*codedSpace{}}
}

// conversations are ids by workspace.
type conversations map[chat.WorkspaceID]map[string]struct{}

// committing announces what committed or failed will tell the end of.
func (c *codes) committing(to int64) { c.coming.Store(to) }

// failed ends what committing announced: nothing has changed.
func (c *codes) failed() { c.coming.Store(0) }

// committed takes the codes of conversations out whose vectors a transaction has
// changed, which found the vectors in one version and left them in another.
func (c *codes) committed(from, to int64, changed conversations) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spaces {
		for id := range changed[s.Workspace] {
			c.remove(s, id)
			s.changed[id] = to
		}
		if len(s.changed) > max(fewChanged, len(s.blocks)) { // nobody has searched for long
			c.drop(s)
		}
	}
	if from > c.version { // another program was in between
		c.dropAll()
	}
	c.version = max(c.version, to)
	c.coming.Store(0)
}

// fewChanged is how many changed conversations are always worth remembering.
const fewChanged = 1000

// sight is what a search has seen in the codes.
type sight struct {
	version int64       // of the search's snapshot
	space   *codedSpace // nil when there are no codes of that version: then what follows means nothing
	wanted  map[string]bool
	nearest []rank.Scored
	changed []string // conversations to be read besides
}

// look finds the passages whose codes are nearest to a vector's. version is the first
// to read in the search's snapshot, which begins with it; wanted tells which
// conversations are asked for, nil for all.
func (c *codes) look(space dialect.VectorSpace, vector []float32, candidates int,
	version func() (int64, error), wanted func() (map[string]bool, error),
) (seen sight, err error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	seen.version, err = version()
	s := c.spaces[space]
	if err != nil || seen.version != c.version || s == nil || !s.complete {
		return seen, err
	}
	s.used.Store(c.clock.Add(1))
	seen.wanted, err = wanted()
	seen.space = s
	seen.nearest = s.nearest(signs.NewQuery(vector), seen.wanted, candidates)
	seen.changed = slices.Collect(maps.Keys(s.changed))
	return seen, err
}

func (s *codedSpace) nearest(query signs.Query, wanted map[string]bool, candidates int) []rank.Scored {
	found, size := rank.NewBest(candidates), signs.Size(s.Dimensions)
	if wanted == nil {
		for id, b := range s.blocks {
			b.nearest(query, size, id, found)
		}
	}
	for id := range wanted {
		s.blocks[id].nearest(query, size, id, found)
	}
	return found.Ranked()
}

func (b block) nearest(query signs.Query, size int, conversation string, found *rank.Best) {
	for i, position := range b.positions {
		score := float64(query.Estimate(b.codes[i*size : (i+1)*size]))
		if found.Takes(score) {
			found.Offer(rank.Scored{Key: rank.Key{Conversation: conversation, Position: int(position)}, Score: score})
		}
	}
}

// begin makes room for the codes of a space that somebody is going to read in a
// snapshot of that version. It returns nil when somebody else does so already, when the
// snapshot is older than the codes, and when they are about to hear of its version.
// Codes of an older version end here.
func (c *codes) begin(space dialect.VectorSpace, version int64) *codedSpace {
	c.mu.Lock()
	defer c.mu.Unlock()
	if version > c.version && version == c.coming.Load() {
		return nil
	}
	if version > c.version {
		c.dropAll()
		c.version = version
	}
	if version < c.version || c.spaces[space] != nil {
		return nil
	}
	s := &codedSpace{VectorSpace: space, blocks: map[string]block{}, changed: map[string]int64{}}
	s.used.Store(c.clock.Add(1))
	c.spaces[space] = s
	return s
}

// put takes over the codes of all vectors that a conversation has in a snapshot of
// that version, unless they have changed since: then they are overwritten.
func (c *codes) put(s *codedSpace, id string, b block, version int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.spaces[s.VectorSpace] != s || s.changed[id] > version {
		clear(b.codes)
		return
	}
	delete(s.changed, id)
	c.remove(s, id)
	if len(b.positions) == 0 {
		return
	}
	s.blocks[id] = b
	c.bytes += b.bytes()
	for c.bytes > c.limit {
		c.drop(c.longestUnused())
	}
}

// finish ends what begin began: every conversation has been put.
func (c *codes) finish(s *codedSpace) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.complete = true
}

// giveUp ends what begin began when it has failed.
func (c *codes) giveUp(s *codedSpace) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(s)
}

// has reports whether there are codes of a space.
func (c *codes) has(space dialect.VectorSpace) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.spaces[space] != nil
}

// memory is how many bytes the codes take: at most maxCodeBytes.
func (c *codes) memory() int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.bytes
}

// The rest is called with the lock held.

func (c *codes) longestUnused() *codedSpace {
	return slices.MinFunc(slices.Collect(maps.Values(c.spaces)), func(a, b *codedSpace) int {
		return int(a.used.Load() - b.used.Load())
	})
}

func (c *codes) remove(s *codedSpace, id string) {
	if b, ok := s.blocks[id]; ok {
		clear(b.codes)
		delete(s.blocks, id)
		c.bytes -= b.bytes()
	}
}

func (c *codes) drop(s *codedSpace) {
	for id := range s.blocks {
		c.remove(s, id)
	}
	if c.spaces[s.VectorSpace] == s {
		delete(c.spaces, s.VectorSpace)
	}
}

func (c *codes) dropAll() {
	for _, s := range c.spaces {
		c.drop(s)
	}
}

// blockOverhead is about what a block costs besides its codes and positions.
const blockOverhead = 160

func (b block) bytes() int64 { return int64(len(b.codes)+4*len(b.positions)) + blockOverhead }
