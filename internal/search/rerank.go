package search

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

// RerankDepth is how many of the best passages are reranked. The reranker reads each of them,
// so this decides how long it takes.
const RerankDepth = 50

// findReranked is Find with a reranker. No snapshot is open while the reranker works, because
// that may take seconds. The hits are read afterwards, so what was deleted meanwhile is not in
// the result.
func (s *Searcher) findReranked(ctx context.Context, ws chat.WorkspaceID, q Query, terms []string) (result Result, err error) {
	f, err := s.runLegs(ctx, ws, q, terms, max(q.Limit, RerankDepth))
	if err != nil {
		return Result{}, err
	}
	keys := make([]rank.Key, min(len(f.ranked), RerankDepth))
	for i := range keys {
		keys[i] = f.ranked[i].Key
	}
	passages, err := s.readPassages(ctx, ws, keys)
	if err != nil {
		return Result{}, err
	}
	deleted := func(r rank.Fused) bool { _, exists := passages[r.Key]; return !exists }
	best, others := slices.DeleteFunc(slices.Clone(f.ranked[:len(keys)]), deleted), f.ranked[len(keys):]
	result.Mode = f.mode
	if f.ranked, result.Reranked, err = s.rerank(ctx, q.Text, best, others, passages); err != nil {
		return Result{}, err
	}
	f.ranked = f.ranked[:min(len(f.ranked), q.Limit)]
	result.Hits, err = s.readHits(ctx, ws, q, f, terms)
	return result, err
}

// rerank puts the best passages in the reranker's order, ahead of the others that were found,
// and reports whether it did. passages has the best, and not the others, which nobody has read.
// Its only error is Canceled. If the reranker fails, the order stays as it was.
func (s *Searcher) rerank(ctx context.Context, query string, best, others []rank.Fused, passages map[rank.Key]store.Passage) ([]rank.Fused, bool, error) {
	found := slices.Concat(best, others)
	texts := make([]string, 0, len(best))
	for _, f := range best {
		texts = append(texts, chunker.Render(passages[f.Key].Content))
	}
	if len(texts) < 2 { // nothing to order
		return found, false, nil
	}
	scores, err := s.reranker.Rerank(ctx, query, texts)
	if ctx.Err() != nil {
		return nil, false, canceled(ctx)
	}
	if err == nil && !usable(scores, len(texts)) {
		err = fault.Invalidf("the reranker scored %d of %d passages, or not with numbers", len(scores), len(texts))
	}
	if err != nil {
		outcome := modelhttp.Outcome(err)
		s.metrics.reranks.WithLabelValues(outcome).Inc()
		if !modelhttp.Resting(err) { // else the failure before this one was logged
			s.log.Warn("search results were not reranked", "outcome", outcome, "reason", fault.Message(err))
		}
		return found, false, nil
	}
	s.metrics.reranks.WithLabelValues("reranked").Inc()
	return reordered(found, scores), true, nil
}

// canceled is the fault for a caller whose context ended.
func canceled(ctx context.Context) error {
	return fault.Wrap(fault.Canceled, ctx.Err(), "the request was canceled or took too long")
}

// usable reports whether there is one finite score for each passage.
func usable(scores []float64, want int) bool {
	return len(scores) == want && !slices.ContainsFunc(scores, func(s float64) bool { return math.IsNaN(s) || math.IsInf(s, 0) })
}

// reordered sorts the passages that have a score of the reranker, ties by key. The others
// follow in their old order.
func reordered(found []rank.Fused, scores []float64) []rank.Fused {
	order := make([]int, len(scores)) // indexes of found
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(scores[b], scores[a]), found[a].Key.Compare(found[b].Key))
	})
	out := make([]rank.Fused, 0, len(found))
	for _, i := range order {
		out = append(out, found[i])
	}
	return append(out, found[len(scores):]...)
}
