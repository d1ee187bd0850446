package server

import (
	"context"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// SummarizeConversation answers POST /api/chat-history/summaries/get-or-generate.
func (m *memoryPlugin) SummarizeConversation(ctx context.Context, r wire.SummarizeConversationRequestObject) (wire.SummarizeConversationResponseObject, error) {
	if r.Body.ConversationID == "" {
		return nil, fault.Invalidf("conversationId is required")
	}
	s, err := m.access.Summary(ctx, chat.ConversationID(r.Body.ConversationID))
	if err != nil {
		return nil, err
	}
	return wire.SummarizeConversation200JSONResponse{
		Status: api.SummaryAnswerStatusCompleted, Summary: s.Content, TokenCount: s.Tokens, Model: s.Model,
	}, nil
}
