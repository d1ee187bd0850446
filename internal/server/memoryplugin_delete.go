package server

import (
	"context"

	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// DeleteConversations answers DELETE /api/chat-history/chats.
func (m *memoryPlugin) DeleteConversations(ctx context.Context, r wire.DeleteConversationsRequestObject) (wire.DeleteConversationsResponseObject, error) {
	answer, err := m.delete(ctx, r.Body)
	if err != nil {
		return nil, err
	}
	return wire.DeleteConversations200JSONResponse{DeletedJSONResponse: answer}, nil
}

// DeleteConversationsByPost answers POST /api/chat-history/chats/delete.
func (m *memoryPlugin) DeleteConversationsByPost(ctx context.Context, r wire.DeleteConversationsByPostRequestObject) (wire.DeleteConversationsByPostResponseObject, error) {
	answer, err := m.delete(ctx, r.Body)
	if err != nil {
		return nil, err
	}
	return wire.DeleteConversationsByPost200JSONResponse{DeletedJSONResponse: answer}, nil
}

// delete is what both routes do. A promise that cannot be kept is refused before
// anything is deleted: nobody must believe that an upload stays excluded, or that
// the storage is reclaimed, when it is not so.
func (m *memoryPlugin) delete(ctx context.Context, body *api.DeleteRequest) (wire.DeletedJSONResponse, error) {
	for field, asked := range map[string]*bool{"exclude": body.Exclude, "wait": body.Wait} {
		if value(asked) {
			return wire.DeletedJSONResponse{}, fault.Invalidf("this version does not support %s; nothing was deleted, leave it out", field)
		}
	}
	deleted, err := m.history.DeleteConversations(ctx, workspace(ctx), body.IDs)
	if err != nil {
		return wire.DeletedJSONResponse{}, err
	}
	return wire.DeletedJSONResponse{Deleted: deleted.IDs, Count: len(deleted.IDs)}, nil
}
