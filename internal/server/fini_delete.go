package server

import (
	"context"
	"net/http"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// DeletePublicConversation answers DELETE /v2/hc-interactions/{id}/public. The answer is the
// same whether the conversation existed or not.
func (f *fini) DeletePublicConversation(ctx context.Context, r wire.DeletePublicConversationRequestObject) (wire.DeletePublicConversationResponseObject, error) {
	_, err := f.access.DeleteConversations(ctx, []chat.ConversationID{chat.ConversationID(r.ID)}, chat.DeleteOptions{})
	if err != nil {
		return nil, err
	}
	return wire.DeletePublicConversation200JSONResponse{PublicDeletedJSONResponse: wire.PublicDeletedJSONResponse{Success: true}}, nil
}

// noBulkBody is the error text for a DELETE that has no body or lost it on the way.
const noBulkBody = "a JSON body is required, and this request has none; nothing was deleted. " +
	"Where the body of a DELETE gets lost, send it to POST /api/chat-history/chats/delete, or delete one by one: DELETE /v2/hc-interactions/{id}/public"

// DeletePublicConversations answers DELETE /v2/hc-interactions/public. If some ids do not
// exist, the status is 406, after the others were deleted.
func (f *fini) DeletePublicConversations(ctx context.Context, r wire.DeletePublicConversationsRequestObject) (wire.DeletePublicConversationsResponseObject, error) {
	var sent fields
	atomic := sent.queryBool("atomic", r.Params.Atomic)
	if err := sent.err(); err != nil {
		return nil, err
	}
	done, err := f.access.DeleteBulk(ctx, history.BulkDelete{IDs: conversationIDs(r.Body.IDs), Atomic: atomic})
	switch {
	case err != nil:
		return nil, err
	case len(done.Missing) > 0:
		return wire.DeletePublicConversations406JSONResponse{
			StatusCode: http.StatusNotAcceptable, Message: finiNotAccessible, Error: http.StatusText(http.StatusNotAcceptable),
			Deleted: texts(done.Deleted), NotAccessible: texts(done.Missing),
		}, nil
	}
	return wire.DeletePublicConversations200JSONResponse{PublicDeletedJSONResponse: wire.PublicDeletedJSONResponse(api.PublicSuccess{Success: true})}, nil
}
