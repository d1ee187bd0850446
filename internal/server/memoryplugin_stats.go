package server

import (
	"context"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// GetStats answers GET /api/chat-history/stats.
func (m *memoryPlugin) GetStats(ctx context.Context, _ wire.GetStatsRequestObject) (wire.GetStatsResponseObject, error) {
	s, err := m.access.Stats(ctx)
	if err != nil {
		return nil, err
	}
	return wire.GetStats200JSONResponse{
		Conversations: s.Conversations, Messages: s.Messages, Tokens: s.Tokens,
		Chunks: s.Chunks, Embeddings: s.Embeddings, Unreadable: s.Unreadable, Pinned: s.Pinned,
		Platforms: each(s.Platforms, func(p chat.PlatformStats) api.PlatformStats {
			return api.PlatformStats{
				Platform: p.Platform, DisplayName: textOrNil(p.DisplayName),
				Conversations: p.Conversations, Messages: p.Messages,
			}
		}),
		Months: each(s.Months, func(m chat.MonthStats) api.MonthStats {
			return api.MonthStats{Month: m.Month, Conversations: m.Conversations}
		}),
		Backlog:      api.Backlog{Queued: s.Backlog.Queued, Indexing: s.Backlog.Indexing, Failed: s.Backlog.Failed},
		VectorSearch: api.StatsVectorSearch(s.VectorSearch),
		Embedding: api.EmbeddingStats{
			Model: s.Embedding.Model, Pending: s.Embedding.Pending, Failed: s.Embedding.Failed, Unused: s.Embedding.Unused,
			Lost: lostLeg(s.Embedding.Lost),
		},
	}, nil
}

func lostLeg(l *chat.LostLeg) *api.LostLeg {
	if l == nil {
		return nil
	}
	return &api.LostLeg{Since: api.Time{Time: l.Since}, Reason: l.Reason}
}
