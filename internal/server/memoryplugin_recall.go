package server

import (
	"context"
	"fmt"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/recall"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// Recall answers POST /api/chat-history/inject.
func (m *memoryPlugin) Recall(ctx context.Context, r wire.RecallRequestObject) (wire.RecallResponseObject, error) {
	start := time.Now()
	q, err := recallQuery(r.Body)
	if err != nil {
		return nil, err
	}
	found, err := m.access.Recall(ctx, q)
	if err != nil {
		return nil, err
	}
	answer := wire.Recall200JSONResponse{
		Content: found.Content, Sources: each(found.Sources, recallSource),
		TokenCount: found.Tokens, Model: found.Model,
		ProcessingTime: fmt.Sprintf("%dms", time.Since(start).Milliseconds()),
	}
	if len(q.Queries) > 0 {
		answer.Results = each(found.Results, recallResult)
	}
	return answer, nil
}

func recallQuery(body *api.RecallRequest) (q recall.Query, err error) {
	q.Text, q.Platform, q.Context = value(body.Query), value(body.Platform), value(body.ConversationContext)
	q.MinScore = body.MinScore
	var f fields
	q.Zone = f.zone("timezone", body.Timezone)
	q.MaxTokens = f.bodyNumber("maxTokens", body.MaxTokens, recall.DefaultTokens, 1)
	for i, part := range body.Queries {
		budget := f.bodyNumber(fmt.Sprintf("queries[%d].maxTokens", i), part.MaxTokens, q.MaxTokens, 1)
		q.Queries = append(q.Queries, recall.SubQuery{Text: part.Query, MaxTokens: budget})
	}
	for i, turn := range body.ConversationHistory {
		sender, ok := chat.ParseSender(turn.Role)
		if !ok {
			f.refuse("conversationHistory[%d].role must be human, assistant, system or tool", i)
		}
		q.Turns = append(q.Turns, chat.RecallTurn{Sender: sender, Text: turn.Content})
	}
	return q, f.err()
}

func recallResult(p recall.Result) api.RecallResult {
	return api.RecallResult{
		Query: p.Query, Content: p.Content, Sources: each(p.Sources, recallSource), TokenCount: p.Tokens, Model: p.Model,
	}
}

func recallSource(s recall.Source) api.RecallSource {
	return api.RecallSource{
		ConversationID: string(s.ConversationID), ConversationTitle: s.Title, MessageID: string(s.MessageID),
		Date: api.NewTime(s.Date), RelevanceScore: s.Score,
	}
}
