package rank

import (
	"cmp"
	"container/heap"
	"slices"
)

// CompareScored orders passages, best first: by score, ties by key.
func CompareScored(a, b Scored) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Key.Conversation, b.Key.Conversation),
		cmp.Compare(a.Key.Position, b.Key.Position))
}

// Top orders passages, best first, and returns at most the first n. It changes
// scored.
func Top(scored []Scored, n int) []Scored {
	slices.SortFunc(scored, CompareScored)
	return scored[:min(len(scored), n)]
}

// Best keeps the best of the passages that it is offered, in any order.
type Best struct {
	limit int
	kept  worstFirst
}

// NewBest returns a Best that keeps at most limit passages.
func NewBest(limit int) *Best { return &Best{limit: limit, kept: make(worstFirst, 0, limit)} }

// Takes reports whether a passage with this score may be among the best. Most
// passages are refused here, before their key costs an allocation.
func (b *Best) Takes(score float64) bool {
	return len(b.kept) < b.limit || score >= b.kept[0].Score
}

// Offer keeps a passage if it is among the best so far.
func (b *Best) Offer(s Scored) {
	switch {
	case len(b.kept) < b.limit:
		heap.Push(&b.kept, s)
	case CompareScored(s, b.kept[0]) < 0:
		b.kept[0] = s
		heap.Fix(&b.kept, 0)
	}
}

// Ranked returns what was kept, best first. Nothing may be offered afterwards.
func (b *Best) Ranked() []Scored {
	slices.SortFunc(b.kept, CompareScored)
	return b.kept
}

// worstFirst is a heap with the worst passage on top.
type worstFirst []Scored

func (w worstFirst) Len() int           { return len(w) }
func (w worstFirst) Less(i, j int) bool { return CompareScored(w[i], w[j]) > 0 }
func (w worstFirst) Swap(i, j int)      { w[i], w[j] = w[j], w[i] }
func (w *worstFirst) Push(x any)        { *w = append(*w, x.(Scored)) } //nolint:forcetypeassert // only Offer pushes
func (w *worstFirst) Pop() any {
	last := (*w)[len(*w)-1]
	*w = (*w)[:len(*w)-1]
	return last
}
