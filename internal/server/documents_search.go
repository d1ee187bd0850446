package server

import (
	"context"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/search"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// defaultDocuments is how many results a search has that does not say it (supermemory: 10).
const defaultDocuments = 10

// passagesPerDocument is how many passages a search for conversations asks for, for each conversation
// of the answer.
const passagesPerDocument = 3

// GetDocument answers GET /v3/documents/{id}.
func (d *documents) GetDocument(ctx context.Context, r wire.GetDocumentRequestObject) (wire.GetDocumentResponseObject, error) {
	c, err := d.conversation(ctx, chat.ConversationID(r.ID))
	if err != nil {
		return nil, err
	}
	return wire.GetDocument200JSONResponse{
		ID: string(c.ID), CustomID: c.ExternalID, ContainerTags: []string{c.Platform}, Title: c.Title, Type: api.DocumentTypeText,
		TaskType: api.DocumentTaskTypeMemory, Status: documentStatus(c.IndexState), CreatedAt: api.NewTime(c.CreatedAt), UpdatedAt: api.NewTime(c.UpdatedAt),
	}, nil
}

// conversation returns a conversation without its messages. NotFound names a document.
func (d *documents) conversation(ctx context.Context, id chat.ConversationID) (chat.Conversation, error) {
	page, err := d.access.Messages(ctx, id, 0, 1)
	if fault.Is(err, fault.NotFound) {
		err = fault.Missing("document")
	}
	return page.Conversation, err
}

// SearchDocuments answers POST /v3/search.
func (d *documents) SearchDocuments(ctx context.Context, r wire.SearchDocumentsRequestObject) (wire.SearchDocumentsResponseObject, error) {
	start := time.Now()
	var f fields
	limit := min(f.bodyNumber("limit", r.Body.Limit, defaultDocuments, 1), search.MaxLimit)
	q := search.Query{
		Text: r.Body.Q, Limit: min(limit*passagesPerDocument, search.MaxLimit), MinScore: r.Body.ChunkThreshold,
		SkipRerank: r.Body.Rerank != nil && !*r.Body.Rerank, Filter: chat.Filter{Platform: f.container(r.Body.ContainerTag, r.Body.ContainerTags)},
	}
	f.refuseFilters(r.Body.Filters, r.Body.Filepath)
	hits, of, err := d.search(ctx, q, f)
	if err != nil {
		return nil, err
	}
	answer := wire.SearchDocuments200JSONResponse{Results: []api.DocumentFound{}}
	at := map[chat.ConversationID]int{}
	for _, h := range hits {
		c, stored := of[h.ConversationID]
		i, begun := at[h.ConversationID]
		switch {
		case !stored, !begun && len(answer.Results) == limit:
			continue
		case !begun:
			i = len(answer.Results)
			at[h.ConversationID] = i
			answer.Results = append(answer.Results, api.DocumentFound{
				DocumentID: string(c.ID), Title: c.Title, Type: api.DocumentFoundTypeText, Score: h.Score,
				CreatedAt: api.NewTime(c.CreatedAt), UpdatedAt: api.NewTime(c.UpdatedAt),
			})
		}
		found := &answer.Results[i]
		found.Chunks = append(found.Chunks, api.DocumentChunk{Content: h.Text, IsRelevant: true, Score: h.Score})
	}
	answer.Total, answer.Timing = len(answer.Results), milliseconds(start)
	return answer, nil
}

// SearchMemories answers POST /v4/search.
func (d *documents) SearchMemories(ctx context.Context, r wire.SearchMemoriesRequestObject) (wire.SearchMemoriesResponseObject, error) {
	start := time.Now()
	var f fields
	q := search.Query{
		Text: r.Body.Q, Limit: f.bodyNumber("limit", r.Body.Limit, defaultDocuments, 1), MinScore: r.Body.Threshold,
		SkipRerank: r.Body.Rerank != nil && !*r.Body.Rerank, Filter: chat.Filter{Platform: f.container(r.Body.ContainerTag, nil)},
	}
	f.refuseFilters(r.Body.Filters, r.Body.Filepath)
	hits, of, err := d.search(ctx, q, f)
	if err != nil {
		return nil, err
	}
	answer := wire.SearchMemories200JSONResponse{Results: []api.MemoryFound{}}
	for _, h := range hits {
		c, stored := of[h.ConversationID]
		if !stored {
			continue
		}
		answer.Results = append(answer.Results, api.MemoryFound{
			ID: string(h.MessageID), Memory: h.Text, Similarity: h.Score, UpdatedAt: api.NewTime(h.Time),
			Documents: []api.MemoryDocument{{
				ID: string(c.ID), Title: c.Title, Type: api.MemoryDocumentTypeText, CreatedAt: api.NewTime(c.CreatedAt), UpdatedAt: api.NewTime(c.UpdatedAt),
			}},
		})
	}
	answer.Total, answer.Timing = len(answer.Results), milliseconds(start)
	return answer, nil
}

// refuseFilters refuses filters by what Lethe does not store, because without them the answer would
// have conversations that the caller does not want.
func (f *fields) refuseFilters(filters any, filepath *string) {
	if filters != nil {
		f.refuse("filters are not possible, because Lethe stores no metadata; use containerTag")
	}
	if value(filepath) != "" {
		f.refuse("filepath is not possible, because Lethe stores no file paths; use containerTag")
	}
}

// search returns the hits of a query and their conversations. A conversation that was deleted in the
// meantime is missing.
func (d *documents) search(ctx context.Context, q search.Query, f fields) ([]search.Hit, map[chat.ConversationID]chat.Conversation, error) {
	if err := f.err(); err != nil {
		return nil, nil, err
	}
	found, err := d.access.Search(ctx, q)
	if err != nil {
		return nil, nil, err
	}
	of := map[chat.ConversationID]chat.Conversation{}
	for _, h := range found.Hits {
		if _, known := of[h.ConversationID]; known {
			continue
		}
		c, err := d.conversation(ctx, h.ConversationID)
		if err == nil {
			of[h.ConversationID] = c
		} else if !fault.Is(err, fault.NotFound) {
			return nil, nil, err
		}
	}
	return found.Hits, of, nil
}

func milliseconds(since time.Time) float64 { return float64(time.Since(since).Microseconds()) / 1000 }
