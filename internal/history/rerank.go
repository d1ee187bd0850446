package history

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/chunker"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/modelhttp"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store"
)

// RerankDepth is how many of the best passages are reranked. The reranker reads
// each of them, so this decides how long it takes.
const RerankDepth = 50

// findTwice is find with a second stage. No snapshot is open while the reranker
// reads: it may take seconds. What was deleted meanwhile is not there any more when
// the hits are looked up, so it is not in the answer.
func (h *History) findTwice(ctx context.Context, ws chat.WorkspaceID, q SearchQuery, terms []string) (result SearchResult, err error) {
	found, mode, err := h.legs(ctx, ws, q, terms, max(q.Limit, RerankDepth))
	if err != nil {
		return SearchResult{}, err
	}
	keys := make([]rank.Key, min(len(found), RerankDepth))
	for i := range keys {
		keys[i] = found[i].Key
	}
	var passages map[rank.Key]store.Passage
	err = h.store.Snapshot(ctx, func(v *store.View) (err error) {
		passages, err = passagesByKey(v, ws, keys)
		return err
	})
	if err != nil {
		return SearchResult{}, err
	}
	gone := func(f rank.Fused) bool { _, there := passages[f.Key]; return !there }
	found = slices.Concat(slices.DeleteFunc(slices.Clone(found[:len(keys)]), gone), found[len(keys):])
	result.Mode = mode
	if found, result.Reranked, err = h.rerank(ctx, q.Text, found, passages); err != nil {
		return SearchResult{}, err
	}
	result.Hits, err = h.look(ctx, ws, found[:min(len(found), q.Limit)], terms, q.ContextChunks)
	return result, err
}

// rerank puts the best of what was found, those of the passages, in the
// reranker's order, and tells whether it did. Its only error is Canceled: whatever
// else is wrong with the reranker, the first order stands.
func (h *History) rerank(ctx context.Context, query string, found []rank.Fused, passages map[rank.Key]store.Passage) ([]rank.Fused, bool, error) {
	texts := make([]string, 0, len(passages))
	for _, f := range found[:min(len(found), RerankDepth)] {
		texts = append(texts, chunker.Render(passages[f.Key].Content))
	}
	if len(texts) < 2 { // nothing to order
		return found, false, nil
	}
	scores, err := h.reranker.Rerank(ctx, query, texts)
	if ctx.Err() != nil {
		return nil, false, fault.Wrap(fault.Canceled, ctx.Err(), "the request was canceled or took too long")
	}
	if err == nil && !usable(scores, len(texts)) {
		err = fault.Invalidf("the reranker scored %d of %d passages, or not with numbers", len(scores), len(texts))
	}
	if err != nil {
		why := outcome(err, modelhttp.Resting(err))
		h.metrics.reranks.WithLabelValues(why).Inc()
		if !modelhttp.Resting(err) { // that was said when it failed
			h.log.Warn("search results were not reranked", "outcome", why, "reason", fault.Message(err))
		}
		return found, false, nil
	}
	h.metrics.reranks.WithLabelValues("reranked").Inc()
	return reordered(found, scores), true, nil
}

func usable(scores []float64, want int) bool {
	return len(scores) == want && !slices.ContainsFunc(scores, func(s float64) bool { return math.IsNaN(s) || math.IsInf(s, 0) })
}

// reordered puts the first of what was found in the order of their new scores,
// ties by key. The scores of a reranker mean nothing outside of one answer and may
// be negative; here they are scaled so that the best has 1 and the last as much as
// the best of those that were not reranked, which follow in their first order.
func reordered(found []rank.Fused, scores []float64) []rank.Fused {
	floor := 0.0
	if len(scores) < len(found) {
		floor = found[len(scores)].Score
	}
	// Halved, because the difference of two finite scores may not be finite.
	low, high := slices.Min(scores)/2, slices.Max(scores)/2
	scaled := func(score float64) float64 {
		if high <= low {
			return 1
		}
		return floor + (1-floor)*(score/2-low)/(high-low)
	}
	order := make([]int, len(scores)) // of places in found
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(scores[b], scores[a]), found[a].Key.Compare(found[b].Key))
	})
	out := make([]rank.Fused, 0, len(found))
	for _, i := range order {
		out = append(out, rank.Fused{Key: found[i].Key, Score: scaled(scores[i])})
	}
	return append(out, found[len(scores):]...)
}
