package server

import (
	"context"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/server/wire"
	"github.com/lethe-chat/lethe/pkg/api"
)

// DeleteMatchingConversations answers POST /api/chat-history/chats/delete-matching.
func (m *memoryPlugin) DeleteMatchingConversations(ctx context.Context, r wire.DeleteMatchingConversationsRequestObject) (wire.DeleteMatchingConversationsResponseObject, error) {
	matching, err := matchingDelete(r.Body)
	if err != nil {
		return nil, err
	}
	n, deleted, err := m.access.DeleteMatching(ctx, matching)
	if err != nil {
		return nil, err
	}
	answer := wire.DeleteMatchingConversations200JSONResponse{
		Deleted: deleted.IDs, Count: n, DryRun: matching.DryRun, DeletionID: textOrNil(deleted.Receipt.ID),
	}
	if !value(r.Body.Wait) || len(deleted.IDs) == 0 {
		return answer, nil
	}
	receipt, err := m.access.AwaitReclaimed(ctx, deleted.Receipt)
	if err != nil {
		return nil, err
	}
	answer.ReclaimedAt = timeOrNil(receipt.ReclaimedAt)
	return answer, nil
}

func matchingDelete(body *api.DeleteMatchingRequest) (m chat.MatchingDelete, err error) {
	m = chat.MatchingDelete{
		All: value(body.All), IncludePinned: value(body.IncludePinned), DryRun: value(body.DryRun), Expected: body.ExpectedCount,
		DeleteOptions: chat.DeleteOptions{Exclude: value(body.Exclude)},
	}
	if body.ExpectedCount != nil {
		if err := atLeast("expectedCount", *body.ExpectedCount, 0); err != nil {
			return m, err
		}
	}
	of := value(body.Filter)
	m.Filter, err = filter(of.Provider, of.Title, of.ImportID, of.DateFrom, of.DateTo)
	m.Filter.PinnedOnly = value(of.Pinned)
	return m, err
}

// LiftExclusions answers POST /api/chat-history/exclusions/lift.
func (m *memoryPlugin) LiftExclusions(ctx context.Context, r wire.LiftExclusionsRequestObject) (wire.LiftExclusionsResponseObject, error) {
	n, err := m.access.LiftExclusions(ctx, chat.Lift{
		IDs: r.Body.IDs, Platform: value(r.Body.Platform), ExternalIDs: r.Body.PlatformConversationIDs,
	})
	if err != nil {
		return nil, err
	}
	return wire.LiftExclusions200JSONResponse{Lifted: n}, nil
}
