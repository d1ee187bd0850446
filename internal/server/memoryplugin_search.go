package server

import (
	"context"
	"time"

	"github.com/lethe-chat/lethe/internal/search"
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
		Results: each(found.Hits, m.searchResult), TotalResults: len(found.Hits),
		Query: r.Body.Query, Provider: searched, Mode: api.SearchMode(found.Mode), Reranked: found.Reranked,
		ProcessingTime: float64(time.Since(start).Microseconds()) / 1000,
	}, nil
}

func searchQuery(body *api.SearchRequest) (q search.Query, err error) {
	q.Text, q.Mode = body.Query, search.Mode(value(body.Mode))
	var f fields
	platform := either(&f, "provider", body.Provider, "platform", body.Platform)
	q.Filter.Platform, q.SkipRerank = provider(platform), value(body.SkipRerank)
	q.MinScore, q.Zone = body.MinScore, f.zone("timezone", body.Timezone)
	q.Filter.Archived, q.Filter.Starred, q.Filter.Project = body.Archived, body.Starred, value(body.Project)
	q.Filter.PinnedOnly, q.Filter.ImportID = value(body.Pinned), ownID(body.ImportID)
	q.Limit = f.bodyNumber("limit", body.Limit, search.DefaultLimit, 1)
	q.ContextChunks = f.bodyNumber("contextChunks", body.ContextChunks, search.DefaultContextChunks, 0)
	q.Filter.From, q.Filter.Before = f.created(body.DateFrom, body.DateTo)
	return q, f.err()
}

func (m *memoryPlugin) searchResult(h search.Hit) api.SearchResult {
	return api.SearchResult{
		ConversationID: string(h.ConversationID), Title: h.Title, MessageID: string(h.MessageID), MessageIndex: h.MessageIndex, Platform: h.Platform,
		Text: h.Text, Passage: h.Block(), Score: h.Score, Timestamp: api.NewTime(h.Time), Sender: senderName(h.Sender, m.sender),
		Highlights: each(h.Highlights, func(s search.Span) api.Highlight {
			return api.Highlight{Start: s.Start, End: s.End}
		}),
		Context: each(h.Context, func(p search.Neighbour) api.ContextPassage {
			return api.ContextPassage{
				MessageID: string(p.MessageID), Text: p.Text, Passage: p.Block(),
				Sender: senderName(p.Sender, m.sender), Timestamp: api.NewTime(p.Time),
			}
		}),
	}
}
