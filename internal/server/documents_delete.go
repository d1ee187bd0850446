package server

import (
	"context"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// maxDocuments is how many ids one bulk delete takes (supermemory: 100).
const maxDocuments = 100

// noDocumentsBody is the error text for a DELETE that has no body or lost it on the way.
const noDocumentsBody = "a JSON body is required, and this request has none; nothing was deleted. " +
	"Where the body of a DELETE gets lost, delete one by one: DELETE /v3/documents/{id}"

// DeleteDocuments answers DELETE /v3/documents/bulk. Ids that do not exist are listed, and the
// others are deleted.
func (d *documents) DeleteDocuments(ctx context.Context, r wire.DeleteDocumentsRequestObject) (wire.DeleteDocumentsResponseObject, error) {
	switch n := len(r.Body.IDs); {
	case r.Body.ContainerTags != nil:
		return nil, fault.Invalidf("a container is not deleted here; send {\"filter\":{\"platform\":\"...\"}} to POST /api/chat-history/chats/delete-matching. Nothing was deleted")
	case n > maxDocuments:
		return nil, fault.Invalidf("ids must have 1 to %d items, got %d; nothing was deleted", maxDocuments, n)
	}
	deleted, err := d.access.DeleteConversations(ctx, conversationIDs(r.Body.IDs), chat.DeleteOptions{})
	if err != nil {
		return nil, err
	}
	answer := wire.DeleteDocuments200JSONResponse{DeletedCount: len(deleted.IDs), Errors: notDeleted(r.Body.IDs, deleted.IDs)}
	answer.Success = len(answer.Errors) == 0
	return answer, nil
}

// notDeleted returns an error for each id that was not deleted.
func notDeleted(asked []string, deleted []chat.ConversationID) (errs []api.DocumentDeleteError) {
	wasDeleted := make(map[chat.ConversationID]bool, len(deleted))
	for _, id := range deleted {
		wasDeleted[id] = true
	}
	for _, id := range asked {
		if canonical, ok := chat.ParseID(chat.ConversationID(id)); !ok || !wasDeleted[canonical] {
			errs = append(errs, api.DocumentDeleteError{ID: id, Error: notFound("document")})
		}
	}
	return errs
}

// DeleteDocument answers DELETE /v3/documents/{id}.
func (d *documents) DeleteDocument(ctx context.Context, r wire.DeleteDocumentRequestObject) (wire.DeleteDocumentResponseObject, error) {
	deleted, err := d.access.DeleteConversations(ctx, []chat.ConversationID{chat.ConversationID(r.ID)}, chat.DeleteOptions{})
	switch {
	case err != nil:
		return nil, err
	case len(deleted.IDs) == 0:
		return nil, fault.Missing("document")
	}
	return wire.DeleteDocument204Response{}, nil
}
