package search

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/rank"
	"github.com/lethe-chat/lethe/internal/store"
)

// seen is a reranker that keeps what it is asked to order.
type seen struct{ texts []string }

func (s *seen) Rerank(_ context.Context, _ string, texts []string) ([]float64, error) {
	s.texts = texts
	return make([]float64, len(texts)), nil
}

// Of the best passages some may have been deleted before they were read. The reranker does not get others in their
// place, because nobody has read those: it would be given empty texts.
func TestTheRerankerGetsOnlyWhatWasRead(t *testing.T) {
	var best, others []rank.Fused
	passages := map[rank.Key]store.Passage{}
	for i := range RerankDepth + 20 {
		f := rank.Fused{Key: rank.Key{Conversation: chat.ConversationID(fmt.Sprintf("c%02d", i))}}
		switch {
		case i >= RerankDepth:
			others = append(others, f)
		case i%5 != 0: // the rest was deleted
			best = append(best, f)
			passages[f.Key] = store.Passage{Key: f.Key, Content: chat.Passage{Parts: []chat.Excerpt{{Text: "caravan"}}}}
		}
	}
	reranker := &seen{}
	s := &Searcher{reranker: reranker, log: slog.New(slog.DiscardHandler), metrics: newMetrics(nil)}
	found, reranked, err := s.rerank(t.Context(), "caravan", best, others, passages)
	require.NoError(t, err)
	require.True(t, reranked)
	require.Len(t, reranker.texts, len(best))
	require.NotContains(t, reranker.texts, "")
	require.Len(t, found, len(best)+len(others))
	require.Equal(t, others, found[len(best):])
}
