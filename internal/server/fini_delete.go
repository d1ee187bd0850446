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
	"Where the body of a DELETE gets lost, send it to POST /v2/hc-interactions/public/delete, or delete one by one: DELETE /v2/hc-interactions/{id}/public"

// DeletePublicConversations answers DELETE /v2/hc-interactions/public. If some ids do not
// exist, the status is 406, after the others were deleted.
func (f *fini) DeletePublicConversations(ctx context.Context, r wire.DeletePublicConversationsRequestObject) (wire.DeletePublicConversationsResponseObject, error) {
	done, err := f.deleteBulk(ctx, r.Body, r.Params.Atomic)
	switch {
	case err != nil:
		return nil, err
	case len(done.Missing) > 0:
		return wire.DeletePublicConversations406JSONResponse{PublicNotAllAccessibleJSONResponse: notAccessible(done)}, nil
	}
	return wire.DeletePublicConversations200JSONResponse{PublicDeletedJSONResponse: bulkDeleted()}, nil
}

// DeletePublicConversationsByPost answers POST /v2/hc-interactions/public/delete.
func (f *fini) DeletePublicConversationsByPost(ctx context.Context, r wire.DeletePublicConversationsByPostRequestObject) (wire.DeletePublicConversationsByPostResponseObject, error) {
	done, err := f.deleteBulk(ctx, r.Body, r.Params.Atomic)
	switch {
	case err != nil:
		return nil, err
	case len(done.Missing) > 0:
		return wire.DeletePublicConversationsByPost406JSONResponse{PublicNotAllAccessibleJSONResponse: notAccessible(done)}, nil
	}
	return wire.DeletePublicConversationsByPost200JSONResponse{PublicDeletedJSONResponse: bulkDeleted()}, nil
}

func (f *fini) deleteBulk(ctx context.Context, body *api.PublicDeleteRequest, atomic *string) (history.BulkDeleted, error) {
	var sent fields
	all := sent.queryBool("atomic", atomic)
	if err := sent.err(); err != nil {
		return history.BulkDeleted{}, err
	}
	return f.access.DeleteBulk(ctx, history.BulkDelete{IDs: conversationIDs(body.IDs), Atomic: all})
}

func notAccessible(done history.BulkDeleted) wire.PublicNotAllAccessibleJSONResponse {
	return wire.PublicNotAllAccessibleJSONResponse{
		StatusCode: http.StatusNotAcceptable, Message: finiNotAccessible, Error: http.StatusText(http.StatusNotAcceptable),
		Deleted: texts(done.Deleted), NotAccessible: texts(done.Missing),
	}
}

func bulkDeleted() wire.PublicDeletedJSONResponse {
	return wire.PublicDeletedJSONResponse(api.PublicSuccess{Success: true})
}
