package server

import (
	"context"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// noMessagesBody is the error text for a DELETE of messages that lost its body on the way.
const noMessagesBody = "a JSON body is required, and this request has none; nothing was deleted. " +
	"Where the body of a DELETE gets lost, send it to POST /api/chat-history/messages/delete"

// DeleteMessages answers DELETE /api/chat-history/messages.
func (m *memoryPlugin) DeleteMessages(ctx context.Context, r wire.DeleteMessagesRequestObject) (wire.DeleteMessagesResponseObject, error) {
	answer, err := m.deleteMessages(ctx, r.Body)
	if err != nil {
		return nil, err
	}
	return wire.DeleteMessages200JSONResponse(answer), nil
}

// DeleteMessagesByPost answers POST /api/chat-history/messages/delete.
func (m *memoryPlugin) DeleteMessagesByPost(ctx context.Context, r wire.DeleteMessagesByPostRequestObject) (wire.DeleteMessagesByPostResponseObject, error) {
	answer, err := m.deleteMessages(ctx, r.Body)
	if err != nil {
		return nil, err
	}
	return wire.DeleteMessagesByPost200JSONResponse(answer), nil
}

// deleteMessages serves both routes.
func (m *memoryPlugin) deleteMessages(ctx context.Context, body *api.DeleteMessagesRequest) (api.DeleteMessagesAnswer, error) {
	d := history.MessagesDelete{
		Conversation: chat.ConversationID(body.ConversationID), DryRun: value(body.DryRun),
		Messages: each(body.MessageIDs, func(id string) chat.MessageID { return chat.MessageID(id) }),
	}
	done, err := m.access.DeleteMessages(ctx, d)
	if err != nil {
		return api.DeleteMessagesAnswer{}, err
	}
	if d.DryRun {
		p := done.Preview
		return api.DeleteMessagesAnswer{
			Deleted: []string{}, Count: p.Messages, DryRun: true, ConversationDeleted: p.Conversation,
			Passages: &p.Passages, TitleChanges: &p.Title,
		}, nil
	}
	answer := api.DeleteMessagesAnswer{
		Deleted: texts(done.IDs), Count: len(done.IDs), ConversationDeleted: done.Conversation, DeletionID: textOrNil(string(done.Receipt.ID)),
	}
	if !value(body.Wait) || len(done.IDs) == 0 {
		return answer, nil
	}
	receipt, err := m.access.AwaitReclaimed(ctx, done.Receipt)
	if err != nil {
		return api.DeleteMessagesAnswer{}, err
	}
	answer.ReclaimedAt = timeOrNil(receipt.ReclaimedAt)
	return answer, nil
}
