package history

import (
	"context"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/recall"
)

// summaryAttempts is how often a summary is made again because the conversation was changed
// meanwhile.
const summaryAttempts = 3

// Summary returns a summary of a conversation: a short one whole, a longer one as the language
// model sums it up, or as excerpts. It is not stored, and contains nothing that was deleted
// while it was written. NotFound when the workspace has no conversation with that id; Conflict
// when it changes all the time.
func (a Access) Summary(ctx context.Context, id chat.ConversationID) (recall.Summary, error) {
	return ask(ctx, a, OpSummary, func(ctx context.Context, h *History, _ chat.WorkspaceID) (recall.Summary, error) {
		var err error
		for attempt := range summaryAttempts {
			var summary recall.Summary
			if summary, err = h.summarize(ctx, a, id, attempt == 0); !fault.Is(err, fault.Conflict) {
				return summary, err
			}
		}
		return recall.Summary{}, err
	})
}

// summarize makes one attempt. Only the first asks the language model, which takes seconds.
func (h *History) summarize(ctx context.Context, a Access, id chat.ConversationID, written bool) (recall.Summary, error) {
	reading, err := h.read(ctx, a.who.Workspace, id, h.watchKey(a.who))
	if err != nil {
		return recall.Summary{}, err
	}
	summary, err := h.recall.Summarize(ctx, reading.Conversation, reading.Parts(ctx), written)
	if err != nil {
		return recall.Summary{}, err
	}
	now, err := h.store.View(ctx).Conversation(a.who.Workspace, reading.ID)
	switch {
	case err != nil:
		return recall.Summary{}, err
	case now.Revision != reading.Revision:
		return recall.Summary{}, fault.New(fault.Conflict, "the conversation changes while it is read; ask again later")
	}
	return summary, nil
}
