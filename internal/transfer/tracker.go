package transfer

import (
	"sync"

	"github.com/lethe-chat/lethe/internal/exports"
	"github.com/lethe-chat/lethe/internal/exports/container"
)

// Progress is the progress of an import.
type Progress struct {
	Bytes   int64 // read so far, of the sources as stored
	Of      int64 // all bytes; -1 when unknown
	Member  string
	Read    int // conversations
	Stored  int // of them, changed or not
	New     int // number of Stored that are new or changed; these are indexed
	Indexed int // number of New that search finds
}

// Tracker follows an import. It may be used from any goroutine.
type Tracker struct {
	mu     sync.Mutex
	now    Progress
	before Progress // of the sources before the current one
	last   exports.Progress
}

// NewTracker returns a tracker of an import that has not begun.
func NewTracker() *Tracker { return &Tracker{} }

// Now returns the progress of the import.
func (t *Tracker) Now() Progress {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now
}

// Indexed sets how many of the new and changed conversations are indexed.
func (t *Tracker) Indexed(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now.Indexed = n
}

func (t *Tracker) begin(sources []*container.Source) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range sources {
		if s.Size() < 0 || t.now.Of < 0 {
			t.now.Of = -1
			continue
		}
		t.now.Of += s.Size()
	}
}

func (t *Tracker) reading(p exports.Progress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = p
	t.now.Bytes, t.now.Read, t.now.Member = t.before.Bytes+p.Bytes, t.before.Read+p.Conversations, p.Member
}

// next records that a source was read to its end.
func (t *Tracker) next() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.before.Bytes += t.last.Bytes
	t.before.Read += t.last.Conversations
	t.last = exports.Progress{}
}

func (t *Tracker) delivered(d Delivered) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now.Stored, t.now.New, t.now.Indexed = d.Counts.Stored(), d.Counts.New+d.Counts.Updated, d.Ready
}
