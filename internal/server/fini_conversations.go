package server

import (
	"context"
	"io"
	"iter"
	"net/http"

	"github.com/lethe-chat/lethe/internal/budget"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/jsonstream"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// ListPublicConversations answers GET /v2/hc-interactions/public.
func (f *fini) ListPublicConversations(ctx context.Context, r wire.ListPublicConversationsRequestObject) (wire.ListPublicConversationsResponseObject, error) {
	q, err := walkQuery(r.Params)
	if err != nil {
		return nil, err
	}
	page, err := f.access.Walk(ctx, q)
	if err != nil {
		return nil, err
	}
	budget.Of(ctx).Shrink(bodyCopies * int64(page.Held()))
	return publicPage{ctx, page}, nil
}

// publicPage is a page of conversations that is written item by item. It has the context of its request.
type publicPage struct {
	ctx  context.Context //nolint:containedctx // the answer is written after the handler has returned
	page history.WalkPage
}

// VisitListPublicConversationsResponse writes the page.
func (p publicPage) VisitListPublicConversationsResponse(w http.ResponseWriter) error {
	before, after, err := jsonstream.Array(api.PublicConversationList{
		Conversations: []api.PublicConversation{}, HasMore: p.page.More,
		NextCursor: textOrNil(string(p.page.Older)), PrevCursor: textOrNil(string(p.page.Newer)),
	}, "conversations")
	if err != nil {
		return err
	}
	return streamJSON(w, func(out io.Writer) error {
		return writeAround(out, before, after, func() error {
			for i, item := range p.page.Items {
				if i > 0 {
					if _, err := out.Write([]byte{','}); err != nil {
						return err
					}
				}
				if err := writePublic(out, item.Conversation, p.page.Parts(p.ctx, i)); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func walkQuery(p api.ListPublicConversationsParams) (chat.WalkQuery, error) {
	var f fields
	q := chat.WalkQuery{
		Cursor: chat.ConversationID(value(p.Cursor)), AgentID: value(p.AgentID), Sources: listed(p.Source), Channels: listed(p.Channel),
		Since: f.queryMillis("since", p.Since), Until: f.queryMillis("until", p.Until),
		Size: f.queryNumber("limit", p.Limit, chat.DefaultWalkSize), Newer: f.queryDirection(p.Direction),
	}
	return q, f.err()
}

// ListPublicBots answers GET /v2/bots/public. Lethe has no bots.
func (f *fini) ListPublicBots(context.Context, wire.ListPublicBotsRequestObject) (wire.ListPublicBotsResponseObject, error) {
	return wire.ListPublicBots200JSONResponse{}, nil
}

// GetPublicConversation answers GET /v2/hc-interactions/{id}/public.
func (f *fini) GetPublicConversation(ctx context.Context, r wire.GetPublicConversationRequestObject) (wire.GetPublicConversationResponseObject, error) {
	reading, err := f.access.Read(ctx, chat.ConversationID(r.ID))
	if err != nil {
		return nil, err
	}
	settle(ctx, reading)
	return publicAnswer{ctx, reading}, nil
}

// publicAnswer is a conversation that is written while it is read. It has the context of its request.
type publicAnswer struct {
	ctx     context.Context //nolint:containedctx // the answer is written after the handler has returned
	reading *history.Reading
}

// VisitGetPublicConversationResponse writes the conversation.
func (a publicAnswer) VisitGetPublicConversationResponse(w http.ResponseWriter) error {
	return streamJSON(w, func(out io.Writer) error {
		return writePublic(out, a.reading.Conversation, a.reading.Parts(a.ctx))
	})
}

// writePublic writes a conversation in the form of Fini's API.
func writePublic(w io.Writer, c chat.Conversation, parts iter.Seq2[chat.Part, error]) error {
	before, after, err := jsonstream.Array(publicConversation(c), "events")
	if err != nil {
		return err
	}
	return writeAround(w, before, after, func() error {
		return writeParts(w, parts, "message", func(m chat.Message) any { return publicEvent(m) })
	})
}

// publicConversation converts a conversation to Fini's type, without its events. Fields of
// that API that Lethe does not have are null or empty.
func publicConversation(c chat.Conversation) api.PublicConversation {
	return api.PublicConversation{
		ID: string(c.ID), CreatedAt: c.CreatedAt.UnixMilli(), Source: c.Platform, Channel: chat.Channel, ExternalID: c.ExternalID, SubjectPreview: c.Title,
		UserAttributes: map[string]any{}, UsedArticles: []api.PublicArticle{}, UsedSubfolders: []api.PublicSubfolder{},
		Events: []api.PublicEvent{},
	}
}

func publicEvent(m chat.Message) api.PublicEvent {
	return api.PublicEvent{
		ID: string(m.ID), CreatedAt: m.CreatedAt.UnixMilli(), Role: publicRole(m.Sender), Type: api.PublicEventTypeMessage,
		Message: m.Text, ExternalID: textOrNil(m.ExternalID),
		Attachments: []map[string]any{}, Tags: []string{}, UsedArticles: []api.PublicArticle{},
	}
}

// publicRole is the sender in Fini's terms. System prompts and tools are neither the
// assistant that answers nor people.
func publicRole(s chat.Sender) api.PublicEventRole {
	switch s {
	case chat.Human:
		return api.PublicEventRoleUser
	case chat.Assistant:
		return api.PublicEventRoleFinibot
	}
	return api.PublicEventRoleOtherbot
}
