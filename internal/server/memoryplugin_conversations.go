package server

import (
	"cmp"
	"context"
	"io"
	"net/http"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/jsonstream"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// ListConversations answers GET /api/chat-history/chats.
func (m *memoryPlugin) ListConversations(ctx context.Context, r wire.ListConversationsRequestObject) (wire.ListConversationsResponseObject, error) {
	q, err := listQuery(r.Params)
	if err != nil {
		return nil, err
	}
	page, err := m.access.Conversations(ctx, q)
	if err != nil {
		return nil, err
	}
	return wire.ListConversations200JSONResponse{
		Items: each(page.Items, summary), Page: page.Page, PageSize: page.PageSize,
		Total: page.Total, TotalPages: page.TotalPages(),
	}, nil
}

func listQuery(p api.ListConversationsParams) (q chat.ListQuery, err error) {
	var f fields
	q.Page, q.PageSize = f.page(p.Page, p.PageSize)
	q.Filter = queryFilter{
		provider: p.Provider, platform: p.Platform, title: p.Title, importID: p.ImportID,
		from: p.DateFrom, to: p.DateTo, pinned: p.Pinned, pinnedOnly: p.PinnedOnly,
		archived: p.Archived, starred: p.Starred, project: p.Project,
	}.read(&f)
	return q, f.err()
}

// GetConversation answers GET /api/chat-history/conversation.
func (m *memoryPlugin) GetConversation(ctx context.Context, r wire.GetConversationRequestObject) (wire.GetConversationResponseObject, error) {
	var f fields
	id, asked := value(r.Params.ConversationID), value(r.Params.SenderStyle)
	if id == "" {
		f.refuse("conversationId is required")
	}
	style, err := auth.ParseSenderStyle(asked)
	if err != nil {
		f.refuse("senderStyle must be human or user")
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	reading, err := m.access.Read(ctx, chat.ConversationID(id))
	if err != nil {
		return nil, err
	}
	settle(ctx, reading)
	return conversationAnswer{ctx, reading, cmp.Or(style, m.sender)}, nil
}

// conversationAnswer is a conversation that is written while it is read. It has the context of its request.
type conversationAnswer struct {
	ctx     context.Context //nolint:containedctx // the answer is written after the handler has returned
	reading *history.Reading
	style   auth.SenderStyle
}

// VisitGetConversationResponse writes the conversation.
func (a conversationAnswer) VisitGetConversationResponse(w http.ResponseWriter) error {
	r := a.reading
	before, after, err := jsonstream.Array(api.ConversationDetail{
		ID: string(r.ID), Title: r.Title, Total: r.Messages, TokenCount: r.Tokens,
		PlatformConversationID: r.ExternalID, SourceID: r.Platform, Messages: []api.ConversationMessage{},
		Archived: r.Source.Archived, Starred: r.Source.Starred, Project: textOrNil(r.Source.Project), Link: textOrNil(r.Source.Link),
	}, "messages")
	if err != nil {
		return err
	}
	return streamJSON(w, func(out io.Writer) error {
		return writeAround(out, before, after, func() error {
			return writeParts(out, r.Parts(a.ctx), "text", func(m chat.Message) any {
				return api.ConversationMessage{
					MessageIndex: m.Position, Sender: senderName(m.Sender, a.style), Timestamp: api.NewTime(m.CreatedAt),
					TimeInferred: trueOrNil(m.Inferred), Branch: textOrNil(m.Branch), Hidden: trueOrNil(m.Hidden), Files: m.Files,
				}
			})
		})
	})
}

// senderName is the sender in the style that the caller asked for.
func senderName(s chat.Sender, style auth.SenderStyle) string {
	if s == chat.Human && style == auth.UserSender {
		return string(style)
	}
	return string(s)
}

// EditConversation answers PATCH /api/chat-history/conversation.
func (m *memoryPlugin) EditConversation(ctx context.Context, r wire.EditConversationRequestObject) (wire.EditConversationResponseObject, error) {
	c, err := m.access.Edit(ctx, chat.ConversationID(r.Body.ConversationID), chat.Edit{Title: r.Body.Title, Pinned: r.Body.Pinned})
	if err != nil {
		return nil, err
	}
	return wire.EditConversation200JSONResponse(summary(c)), nil
}

// CountConversations answers GET /api/chat-history/count.
func (m *memoryPlugin) CountConversations(ctx context.Context, _ wire.CountConversationsRequestObject) (wire.CountConversationsResponseObject, error) {
	n, err := m.access.Count(ctx)
	if err != nil {
		return nil, err
	}
	return wire.CountConversations200JSONResponse{Count: n}, nil
}

// summary is a conversation in a list.
func summary(c chat.Conversation) api.ConversationSummary {
	return api.ConversationSummary{
		ID: string(c.ID), Title: c.Title, Platform: c.Platform, Pinned: c.Pinned,
		MessageCount: c.Messages, TokenCount: c.Tokens,
		CreatedAt: api.NewTime(c.CreatedAt), UpdatedAt: api.NewTime(c.UpdatedAt),
		Status: api.IndexStatus(c.IndexState), IndexError: textOrNil(c.IndexError),
		Archived: c.Source.Archived, Starred: c.Source.Starred, Project: textOrNil(c.Source.Project), Link: textOrNil(c.Source.Link),
	}
}
