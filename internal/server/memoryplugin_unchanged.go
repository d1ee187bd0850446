package server

import (
	"context"
	"errors"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// maxRevisions is the size in bytes of a body with the largest allowed number of
// conversations and revisions.
const maxRevisions = 8 << 20

// maxChanged is how many changed conversations an error lists.
const maxChanged = 100

// DeleteUnchangedConversations answers POST /api/chat-history/chats/delete-unchanged.
func (m *memoryPlugin) DeleteUnchangedConversations(ctx context.Context, r wire.DeleteUnchangedConversationsRequestObject) (wire.DeleteUnchangedConversationsResponseObject, error) {
	d := chat.UnchangedDelete{
		Seen: each(r.Body.Conversations, func(c api.ConversationRevision) chat.Seen {
			return chat.Seen{ID: chat.ConversationID(c.ID), Revision: int64(c.Revision)}
		}),
		IncludePinned: value(r.Body.IncludePinned),
		DeleteOptions: chat.DeleteOptions{Exclude: value(r.Body.Exclude)},
	}
	deleted, err := m.access.DeleteUnchanged(ctx, d)
	if err != nil {
		return nil, err
	}
	answer, err := m.deletedAnswer(ctx, deleted, value(r.Body.Wait))
	if err != nil {
		return nil, err
	}
	return wire.DeleteUnchangedConversations200JSONResponse{DeletedJSONResponse: answer}, nil
}

// changedResponse answers a delete of conversations that have changed; false for any other
// error.
func changedResponse(p problem) (api.ChangedResponse, bool) {
	var changed *chat.ChangedError
	if !errors.As(p.cause, &changed) {
		return api.ChangedResponse{}, false
	}
	listed := changed.Changed[:min(len(changed.Changed), maxChanged)]
	return api.ChangedResponse{Error: p.message, Changed: each(listed, func(c chat.Conversation) api.ChangedConversation {
		return api.ChangedConversation{ID: string(c.ID), Title: textOrNil(c.Title)}
	})}, true
}
