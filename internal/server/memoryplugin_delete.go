package server

import (
	"context"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// DeleteConversations answers DELETE /api/chat-history/chats.
func (m *memoryPlugin) DeleteConversations(ctx context.Context, r wire.DeleteConversationsRequestObject) (wire.DeleteConversationsResponseObject, error) {
	asked, err := bodyOrQuery(r.Body, r.Params)
	if err != nil {
		return nil, err
	}
	answer, err := m.delete(ctx, asked)
	if err != nil {
		return nil, err
	}
	return wire.DeleteConversations200JSONResponse{DeletedJSONResponse: answer}, nil
}

// noDeleteBody is the error text for a DELETE that has neither body nor ids, or lost its body
// on the way.
const noDeleteBody = "a JSON body is required, and this request has none; nothing was deleted. " +
	"Where the body of a DELETE gets lost, send it to POST /api/chat-history/chats/delete, or name the ids in the query: ?ids=...,..."

// bodyOrQuery returns the parameters of a delete from its body, or from its query if it has
// no body. Both together are refused, because they may differ.
func bodyOrQuery(body *api.DeleteRequest, p api.DeleteConversationsParams) (*api.DeleteRequest, error) {
	ids := listed(p.IDs)
	switch {
	case body != nil && (p.IDs != nil || p.Exclude != nil || p.Wait != nil):
		return nil, fault.Invalidf("send ids, exclude and wait in the body or in the query, not in both; nothing was deleted")
	case body != nil:
		return body, nil
	case len(ids) == 0:
		return nil, fault.Invalidf("%s", noDeleteBody)
	}
	var f fields
	exclude, wait := f.queryBool("exclude", p.Exclude), f.queryBool("wait", p.Wait)
	return &api.DeleteRequest{IDs: ids, Exclude: &exclude, Wait: &wait}, f.err()
}

// DeleteConversationsByPost answers POST /api/chat-history/chats/delete.
func (m *memoryPlugin) DeleteConversationsByPost(ctx context.Context, r wire.DeleteConversationsByPostRequestObject) (wire.DeleteConversationsByPostResponseObject, error) {
	answer, err := m.delete(ctx, r.Body)
	if err != nil {
		return nil, err
	}
	return wire.DeleteConversationsByPost200JSONResponse{DeletedJSONResponse: answer}, nil
}

// delete serves both routes.
func (m *memoryPlugin) delete(ctx context.Context, body *api.DeleteRequest) (wire.DeletedJSONResponse, error) {
	deleted, err := m.access.DeleteConversations(ctx, conversationIDs(body.IDs),
		chat.DeleteOptions{Exclude: value(body.Exclude)})
	if err != nil {
		return wire.DeletedJSONResponse{}, err
	}
	return m.deletedAnswer(ctx, deleted, value(body.Wait))
}

// deletedAnswer reports what was deleted, and with wait also the state of the storage. A
// request without options gets exactly the documented answer.
func (m *memoryPlugin) deletedAnswer(ctx context.Context, deleted history.Deleted, wait bool) (wire.DeletedJSONResponse, error) {
	answer := wire.DeletedJSONResponse{Deleted: texts(deleted.IDs), Count: len(deleted.IDs)}
	if !wait || len(deleted.IDs) == 0 {
		return answer, nil
	}
	receipt, err := m.access.AwaitReclaimed(ctx, deleted.Receipt)
	if err != nil {
		return wire.DeletedJSONResponse{}, err
	}
	answer.DeletionID, answer.ReclaimedAt = textOrNil(string(receipt.ID)), timeOrNil(receipt.ReclaimedAt)
	return answer, nil
}

// ListDeletions answers GET /api/chat-history/deletions.
func (m *memoryPlugin) ListDeletions(ctx context.Context, r wire.ListDeletionsRequestObject) (wire.ListDeletionsResponseObject, error) {
	var f fields
	number, size := f.page(r.Params.Page, r.Params.PageSize)
	if err := f.err(); err != nil {
		return nil, err
	}
	page, err := m.access.Deletions(ctx, number, size)
	if err != nil {
		return nil, err
	}
	return wire.ListDeletions200JSONResponse{
		Items: each(page.Items, deletionOf), Page: page.Page, PageSize: page.PageSize,
		Total: page.Total, TotalPages: page.TotalPages(),
	}, nil
}

// GetDeletion answers GET /api/chat-history/deletions/{id}.
func (m *memoryPlugin) GetDeletion(ctx context.Context, r wire.GetDeletionRequestObject) (wire.GetDeletionResponseObject, error) {
	found, err := m.access.Deletion(ctx, chat.DeletionID(r.ID))
	if err != nil {
		return nil, err
	}
	return wire.GetDeletion200JSONResponse(deletionOf(found)), nil
}

func deletionOf(d chat.Deletion) api.Deletion {
	kind := api.DeletionKindConversations
	if d.OfMessages() {
		kind = api.DeletionKindMessages
	}
	return api.Deletion{
		Kind: kind, ID: string(d.ID), DeletedAt: api.NewTime(d.DeletedAt), KeyID: d.KeyID, Conversations: d.Conversations,
		Messages: d.Messages, Chunks: d.Chunks, Embeddings: d.Embeddings, ReclaimedAt: timeOrNil(d.ReclaimedAt),
	}
}

func timeOrNil(t *time.Time) *api.Time {
	if t == nil {
		return nil
	}
	at := api.NewTime(*t)
	return &at
}
