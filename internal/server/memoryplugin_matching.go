package server

import (
	"context"
	"strings"
	"unicode"

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
		Deleted: texts(deleted.IDs), Count: n, DryRun: matching.DryRun, DeletionID: textOrNil(string(deleted.Receipt.ID)),
	}
	if !value(r.Body.Wait) || deleted.Receipt.ID == "" {
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
	var f fields
	if body.ExpectedCount != nil {
		f.atLeast("expectedCount", *body.ExpectedCount, 0)
	}
	if body.Filter != nil {
		if m.All {
			f.refuse("give filter or all, not both: it is unclear which of them you mean; nothing was deleted")
		}
		m.Filter = f.deleteFilter(*body.Filter)
	}
	return m, f.err()
}

// deleteFilter reads a filter. It refuses a field that is present but empty: the value was
// probably lost, and without it the filter would delete more.
func (f *fields) deleteFilter(of api.DeleteFilter) chat.Filter {
	platform := either(f, "filter.provider", of.Provider, "filter.platform", of.Platform)
	pinned := either(f, "filter.pinned", of.Pinned, "filter.pinnedOnly", of.PinnedOnly)
	for _, field := range []struct {
		name string
		text *string
	}{{"provider", platform}, {"title", of.Title}, {"importId", of.ImportID}, {"dateFrom", of.DateFrom}, {"dateTo", of.DateTo}, {"project", of.Project}} {
		if field.text != nil && !strings.ContainsFunc(*field.text, seen) {
			f.refuse("filter.%s must not be blank; leave it out if it does not matter. Nothing was deleted", field.name)
		}
	}
	selected := chat.Filter{Platform: provider(platform), Title: value(of.Title), ImportID: ownID(of.ImportID), PinnedOnly: value(pinned),
		Archived: of.Archived, Starred: of.Starred, Project: value(of.Project)}
	selected.From, selected.Before = f.created(of.DateFrom, of.DateTo)
	return selected
}

// seen reports whether a character is one that people see by itself. A space, a
// zero-width joiner or a variation selector is not, and yet it is in many titles.
func seen(r rune) bool { return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) }

// LiftExclusions answers POST /api/chat-history/exclusions/lift.
func (m *memoryPlugin) LiftExclusions(ctx context.Context, r wire.LiftExclusionsRequestObject) (wire.LiftExclusionsResponseObject, error) {
	lifted, err := m.access.LiftExclusions(ctx, chat.Lift{
		IDs: conversationIDs(r.Body.IDs), Platform: value(r.Body.Platform), ExternalIDs: r.Body.PlatformConversationIDs,
	})
	if err != nil {
		return nil, err
	}
	return wire.LiftExclusions200JSONResponse{Lifted: lifted.Conversations, LiftedMessages: lifted.Messages}, nil
}
