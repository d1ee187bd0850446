package store

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/store/dialect"
)

// wordCounts remembers how many passages of a workspace contain a term, for terms that many
// contain. Counting those takes longer than the rest of a search by words. It contains no
// words, only hashes under a key of this process. It is safe for concurrent use.
type wordCounts struct {
	seed maphash.Seed
	now  func() time.Time

	mutex sync.Mutex
	known map[uint64]wordCount
}

type wordCount struct {
	documents int // that contain it
	docs      int // all passages of the workspace at that time
	until     time.Time
}

const (
	// commonWord is from how many passages a count is remembered. Counting fewer is fast.
	commonWord = 200
	// countDrift is the share by which a workspace may have grown or shrunk since a count.
	// The weight of a common word then differs by less than a fiftieth.
	countDrift = 0.01
	// countedFor limits the age of a count, in case as many passages were added as deleted.
	countedFor = 10 * time.Minute
	// maxCounts limits the memory to less than a megabyte.
	maxCounts = 10_000
)

func newWordCounts(now func() time.Time) *wordCounts {
	return &wordCounts{seed: maphash.MakeSeed(), now: now, known: map[uint64]wordCount{}}
}

// of returns how many of the docs passages of a workspace contain a term, if that is known.
func (c *wordCounts) of(ws chat.WorkspaceID, term dialect.Term, docs int) (int, bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	count, known := c.known[c.key(ws, term)]
	if !known || c.now().After(count.until) {
		return 0, false
	}
	if drift := float64(docs - count.docs); drift < 0 && -drift > countDrift*float64(count.docs) || drift > countDrift*float64(count.docs) {
		return 0, false
	}
	return min(count.documents, docs), true
}

// learn remembers a count.
func (c *wordCounts) learn(ws chat.WorkspaceID, term dialect.Term, documents, docs int) {
	if documents < commonWord {
		return
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if len(c.known) >= maxCounts {
		clear(c.known)
	}
	c.known[c.key(ws, term)] = wordCount{documents: documents, docs: docs, until: c.now().Add(countedFor)}
}

func (c *wordCounts) key(ws chat.WorkspaceID, term dialect.Term) uint64 {
	return maphash.Comparable(c.seed, struct {
		ws   chat.WorkspaceID
		term dialect.Term
	}{ws, term})
}
