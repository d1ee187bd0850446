package store

import (
	"container/heap"
	"slices"

	"github.com/lethe-chat/lethe/internal/rank"
)

// best keeps the best passages of those that it is offered, at most so many. Which
// they are does not depend on the order in which they come.
type best struct {
	limit int
	kept  worstFirst
}

func newBest(limit int) *best { return &best{limit: limit, kept: make(worstFirst, 0, limit)} }

// takes reports whether a passage of this score may be among the best. Most end
// here, before their key costs an allocation.
func (b *best) takes(score float64) bool {
	return len(b.kept) < b.limit || score >= b.kept[0].Score
}

func (b *best) offer(s rank.Scored) {
	switch {
	case len(b.kept) < b.limit:
		heap.Push(&b.kept, s)
	case compareScored(s, b.kept[0]) < 0:
		b.kept[0] = s
		heap.Fix(&b.kept, 0)
	}
}

// ranked returns what was kept, the best first, and ends the use of b.
func (b *best) ranked() []rank.Scored {
	slices.SortFunc(b.kept, compareScored)
	return b.kept
}

// worstFirst is a heap with the worst passage on top.
type worstFirst []rank.Scored

func (w worstFirst) Len() int           { return len(w) }
func (w worstFirst) Less(i, j int) bool { return compareScored(w[i], w[j]) > 0 }
func (w worstFirst) Swap(i, j int)      { w[i], w[j] = w[j], w[i] }
func (w *worstFirst) Push(x any)        { *w = append(*w, x.(rank.Scored)) } //nolint:forcetypeassert // only offer pushes
func (w *worstFirst) Pop() any {
	last := (*w)[len(*w)-1]
	*w = (*w)[:len(*w)-1]
	return last
}
