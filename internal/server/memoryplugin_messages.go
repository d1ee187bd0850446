package server

import (
	"context"
	"strings"
	"unicode"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// ListMessages answers GET /api/chat-history/messages.
func (m *memoryPlugin) ListMessages(ctx context.Context, r wire.ListMessagesRequestObject) (wire.ListMessagesResponseObject, error) {
	var f fields
	id := f.required("conversationId", r.Params.ConversationID)
	from := f.queryIndex("from", r.Params.From)
	limit := f.queryNumber("limit", r.Params.Limit, history.DefaultMessages)
	html := f.queryBool("html", r.Params.HTML)
	if err := f.err(); err != nil {
		return nil, err
	}
	page, err := m.access.Messages(ctx, chat.ConversationID(id), from, limit)
	if err != nil {
		return nil, err
	}
	answer := wire.ListMessages200JSONResponse{
		Conversation: summary(page.Conversation), Total: page.Conversation.Messages, Items: each(page.Items, message),
	}
	if html {
		for i, item := range page.Items {
			rendered, err := m.markdown.Render(item.Text)
			if err != nil {
				return nil, err
			}
			answer.Items[i].HTML = &rendered
		}
	}
	return answer, nil
}

func message(m history.ShownMessage) api.Message {
	return api.Message{
		ID: string(m.ID), Position: m.Position, Sender: string(m.Sender), Text: m.Text, Timestamp: api.NewTime(m.CreatedAt),
		Branch: m.Branch, Hidden: m.Hidden, Cut: m.Cut,
	}
}

// FindInConversation answers GET /api/chat-history/messages/hits.
func (m *memoryPlugin) FindInConversation(ctx context.Context, r wire.FindInConversationRequestObject) (wire.FindInConversationResponseObject, error) {
	var f fields
	id := f.required("conversationId", r.Params.ConversationID)
	query := f.required("query", r.Params.Query)
	if err := f.err(); err != nil {
		return nil, err
	}
	positions, err := m.access.Find(ctx, chat.ConversationID(id), strings.FieldsFunc(query, notInWord))
	if err != nil {
		return nil, err
	}
	return wire.FindInConversation200JSONResponse{Positions: positions}, nil
}

func notInWord(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r)
}

// PreviewDelete answers POST /api/chat-history/chats/delete-preview.
func (m *memoryPlugin) PreviewDelete(ctx context.Context, r wire.PreviewDeleteRequestObject) (wire.PreviewDeleteResponseObject, error) {
	preview, err := m.preview(ctx, r.Body)
	if err != nil {
		return nil, err
	}
	titles := preview.Titles
	if titles == nil {
		titles = []string{}
	}
	answer := wire.PreviewDelete200JSONResponse{
		Count: preview.Conversations, Messages: preview.Messages, Passages: preview.Passages, Pinned: preview.Pinned, Titles: titles,
	}
	if preview.Conversations > 0 {
		answer.Oldest, answer.Newest = timeOrNil(&preview.Oldest), timeOrNil(&preview.Newest)
	}
	return answer, nil
}

func (m *memoryPlugin) preview(ctx context.Context, body *api.PreviewRequest) (chat.Preview, error) {
	if body.IDs != nil {
		var f fields
		if body.Filter != nil || value(body.All) || body.IncludePinned != nil {
			f.refuse("give ids alone, or a filter, or all: it is unclear which of them you mean")
		}
		if err := f.err(); err != nil {
			return chat.Preview{}, err
		}
		return m.access.PreviewDelete(ctx, conversationIDs(body.IDs))
	}
	matching, err := matchingDelete(&api.DeleteMatchingRequest{Filter: body.Filter, All: body.All, IncludePinned: body.IncludePinned})
	if err != nil {
		return chat.Preview{}, err
	}
	return m.access.PreviewMatching(ctx, matching)
}
