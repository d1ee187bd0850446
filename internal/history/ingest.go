package history

import (
	"context"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// Ingested is the answer to an upload.
type Ingested struct {
	ImportID     string
	Conversation chat.Conversation
}

// Ingest stores one conversation, or merges it into the one that the workspace
// already has under the same platform and external id, and queues it for
// indexing when that changed anything. The errors are Invalid, naming every
// problem, and those of the store; after an error nothing was stored.
func (h *History) Ingest(ctx context.Context, ws chat.WorkspaceID, u chat.Upload) (Ingested, error) {
	if err := u.Normalize(h.now()); err != nil {
		return Ingested{}, err
	}
	var done Ingested
	err := h.store.InTx(ctx, func(tx *store.Tx) (err error) {
		done, err = ingest(tx, ws, u)
		return err
	})
	if err != nil {
		return Ingested{}, err
	}
	if done.Conversation.IndexState == chat.Queued {
		h.wake()
	}
	return done, nil
}

// ingest is one upload inside a transaction: the conversation, the import that
// brought it, and the platform's name.
func ingest(tx *store.Tx, ws chat.WorkspaceID, u chat.Upload) (Ingested, error) {
	done := Ingested{ImportID: chat.NewID()}
	changed := 0
	stored, err := tx.LockByExternalID(ws, u.Platform, u.ExternalID)
	switch {
	case fault.Is(err, fault.NotFound):
		done.Conversation, changed, err = create(tx, ws, u, done.ImportID)
	case err == nil:
		done.Conversation, changed, err = merge(tx, ws, stored, u, done.ImportID)
	}
	if err != nil {
		return Ingested{}, err
	}
	if u.DisplayName != "" {
		if err := tx.NamePlatform(ws, u.Platform, u.DisplayName); err != nil {
			return Ingested{}, err
		}
	}
	return done, tx.CreateImport(ws, chat.Import{
		ID: done.ImportID, Kind: "upload", Platform: u.Platform, Conversations: 1, Messages: changed,
	})
}

func create(tx *store.Tx, ws chat.WorkspaceID, u chat.Upload, importID string) (chat.Conversation, int, error) {
	fresh := chat.NewTranscript(u)
	fresh.ImportID = importID
	made, err := tx.CreateConversation(ws, fresh)
	if err != nil || made {
		return fresh.Conversation, len(fresh.Turns), err
	}
	// Another upload of the same conversation was committed in between.
	stored, err := tx.LockByExternalID(ws, u.Platform, u.ExternalID)
	if err != nil {
		return chat.Conversation{}, 0, err
	}
	return merge(tx, ws, stored, u, importID)
}

func merge(tx *store.Tx, ws chat.WorkspaceID, stored chat.Transcript, u chat.Upload, importID string) (chat.Conversation, int, error) {
	merged := chat.Merge(stored, u)
	c, err := tx.UpdateConversation(ws, stored.Conversation, merged, importID)
	return c, merged.Added + len(merged.Edited), err
}
