package server

import (
	"context"
	"fmt"
	"strings"
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
		text, ok := turnText(turn.Content)
		if !ok {
			f.refuse("conversationHistory[%d].content must be a string, or a list of parts with texts", i)
		}
		q.Turns = append(q.Turns, chat.RecallTurn{Sender: sender, Text: text})
	}
	return q, f.err()
}

// turnText returns the text of a turn: a string, or the texts of a list of parts as in OpenAI's
// API, whose types are text, input_text and output_text. Parts of other types have none.
func turnText(content any) (string, bool) {
	switch content := content.(type) {
	case nil:
		return "", true
	case string:
		return content, true
	case []any:
		var texts []string
		for _, part := range content {
			switch part := part.(type) {
			case string:
				texts = append(texts, part)
			case map[string]any:
				if text, ok := part["text"].(string); ok {
					texts = append(texts, text)
				}
			default:
				return "", false
			}
		}
		return strings.Join(texts, "\n"), true
	}
	return "", false
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
