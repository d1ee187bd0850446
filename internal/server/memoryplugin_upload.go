package server

import (
	"context"
	"time"

	"github.com/lethe-chat/lethe/internal/budget"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// UploadConversation answers POST /api/chat-history/ingest/custom-online.
func (m *memoryPlugin) UploadConversation(ctx context.Context, r wire.UploadConversationRequestObject) (wire.UploadConversationResponseObject, error) {
	sent := upload(r.Body)
	budget.Of(ctx).Shrink(uploadCost(sent))
	done, err := m.access.Ingest(ctx, sent)
	if err != nil {
		return nil, err
	}
	c := done.Conversation
	return wire.UploadConversation200JSONResponse{
		Queued: c.ID != "", ImportID: done.ImportID, ConversationID: string(c.ID), Platform: c.Platform,
		Conversation: api.UploadedSummary{
			ID: string(c.ID), PlatformConversationID: c.ExternalID, Title: c.Title,
			UpdatedAt: api.NewTime(c.UpdatedAt), MessageCount: c.Messages, Status: api.UploadStatus(c.IndexState),
		},
	}, nil
}

func upload(body *api.UploadRequest) chat.Upload {
	sent := body.Conversation
	return chat.Upload{
		Platform: value(body.Platform), DisplayName: value(body.PlatformDisplayName),
		ExternalID: sent.ID, Title: value(sent.Title),
		CreatedAt: timeOrZero(sent.CreatedAt), UpdatedAt: timeOrZero(sent.UpdatedAt), Pinned: sent.Pinned,
		Source:     chat.Source{Archived: sent.Archived, Starred: sent.Starred, Project: value(sent.Project), Link: value(sent.Link)},
		TellsMarks: value(sent.Marked), From: sent.From,
		Messages: each(sent.Messages, func(m api.UploadedMessage) chat.UploadMessage {
			return chat.UploadMessage{
				ExternalID: value(m.ID), Role: m.Role, Text: m.Content, CreatedAt: timeOrZero(m.CreatedAt),
				Inferred: value(m.TimeInferred), Branch: value(m.Branch), Hidden: value(m.Hidden), Files: m.Files,
			}
		}),
	}
}

func timeOrZero(t *api.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}
