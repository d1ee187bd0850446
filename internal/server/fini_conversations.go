package server

import (
	"context"

	"github.com/lethe-chat/lethe/internal/chat"
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
	return wire.ListPublicConversations200JSONResponse{
		Conversations: each(page.Items, publicConversation), HasMore: page.More,
		NextCursor: textOrNil(page.Older), PrevCursor: textOrNil(page.Newer),
	}, nil
}

func walkQuery(p api.ListPublicConversationsParams) (q chat.WalkQuery, err error) {
	q.Cursor, q.AgentID = value(p.Cursor), value(p.AgentID)
	q.Sources, q.Channels = listed(p.Source), listed(p.Channel)
	if q.Since, err = queryMillis("since", p.Since); err != nil {
		return q, err
	}
	if q.Until, err = queryMillis("until", p.Until); err != nil {
		return q, err
	}
	if q.Size, err = queryNumber("limit", p.Limit, chat.DefaultWalkSize); err != nil {
		return q, err
	}
	q.Newer, err = queryDirection(p.Direction)
	return q, err
}

// GetPublicConversation answers GET /v2/hc-interactions/{id}/public.
func (f *fini) GetPublicConversation(ctx context.Context, r wire.GetPublicConversationRequestObject) (wire.GetPublicConversationResponseObject, error) {
	t, err := f.access.Transcript(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return wire.GetPublicConversation200JSONResponse(publicConversation(t)), nil
}

// publicConversation is a conversation as Fini's API shows it. What it asks for
// and we do not have stays null or empty.
func publicConversation(t chat.Transcript) api.PublicConversation {
	return api.PublicConversation{
		ID: t.ID, CreatedAt: t.CreatedAt.UnixMilli(), Source: t.Platform, ExternalID: t.ExternalID, SubjectPreview: t.Title,
		UserAttributes: map[string]any{}, UsedArticles: []api.PublicArticle{}, UsedSubfolders: []api.PublicSubfolder{},
		Events: each(t.Turns, publicEvent),
	}
}

func publicEvent(m chat.Message) api.PublicEvent {
	return api.PublicEvent{
		ID: m.ID, CreatedAt: m.CreatedAt.UnixMilli(), Role: publicRole(m.Sender), Type: api.PublicEventTypeMessage,
		Message: m.Text, ExternalID: textOrNil(m.ExternalID),
		Attachments: []map[string]any{}, Tags: []string{}, UsedArticles: []api.PublicArticle{},
	}
}

// publicRole is the sender in Fini's words. System prompts and tools are not the
// assistant that answers, and no people.
func publicRole(s chat.Sender) api.PublicEventRole {
	switch s {
	case chat.Human:
		return api.PublicEventRoleUser
	case chat.Assistant:
		return api.PublicEventRoleFinibot
	}
	return api.PublicEventRoleOtherbot
}
