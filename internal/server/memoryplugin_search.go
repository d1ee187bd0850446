package server

import (
	"context"
	"time"

	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// SearchChatHistory answers POST /api/chat-history/search.
func (m *memoryPlugin) SearchChatHistory(ctx context.Context, r wire.SearchChatHistoryRequestObject) (wire.SearchChatHistoryResponseObject, error) {
	start := time.Now()
	q, err := searchQuery(r.Body)
	if err != nil {
		return nil, err
	}
	found, err := m.access.Search(ctx, q)
	if err != nil {
		return nil, err
	}
	searched := q.Filter.Platform
	if searched == "" {
		searched = "all"
	}
	return wire.SearchChatHistory200JSONResponse{
		Results: each(found.Hits, searchResult), TotalResults: len(found.Hits),
		Query: r.Body.Query, Provider: searched, Mode: api.SearchMode(found.Mode), Reranked: found.Reranked,
		ProcessingTime: float64(time.Since(start).Microseconds()) / 1000,
	}, nil
}

func searchQuery(body *api.SearchRequest) (q history.SearchQuery, err error) {
	q.Text, q.Mode = body.Query, history.Mode(value(body.Mode))
	platform, err := either("provider", body.Provider, "platform", body.Platform)
	if err != nil {
		return q, err
	}
	q.Filter.Platform, q.SkipRerank = provider(platform), value(body.SkipRerank)
	if q.Limit, err = bodyNumber("limit", body.Limit, history.DefaultSearchLimit, 1); err != nil {
		return q, err
	}
	if q.ContextChunks, err = bodyNumber("contextChunks", body.ContextChunks, history.DefaultContextChunks, 0); err != nil {
		return q, err
	}
	q.Filter.From, q.Filter.Before, err = created(body.DateFrom, body.DateTo)
	return q, err
}

func searchResult(h history.Hit) api.SearchResult {
	return api.SearchResult{
		ConversationID: h.ConversationID, Title: h.Title, MessageID: h.MessageID,
		Text: h.Text, Score: h.Score, Timestamp: api.NewTime(h.Time), Sender: string(h.Sender),
		Highlights: each(h.Highlights, func(s history.Span) api.Highlight {
			return api.Highlight{Start: s.Start, End: s.End}
		}),
		Context: each(h.Context, func(p history.Passage) api.ContextPassage {
			return api.ContextPassage{Text: p.Text, Sender: string(p.Sender), Timestamp: api.NewTime(p.Time)}
		}),
	}
}
