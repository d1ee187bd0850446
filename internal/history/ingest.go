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
	importID := chat.NewID()
	conversation, changed, err := createOrMerge(tx, ws, u, importID)
	if err != nil || conversation.IndexState == chat.Excluded {
		return Ingested{Conversation: conversation}, err
	}
	if u.DisplayName != "" {
		if err := tx.NamePlatform(ws, u.Platform, u.DisplayName); err != nil {
			return Ingested{}, err
		}
	}
	return Ingested{ImportID: importID, Conversation: conversation}, tx.CreateImport(ws, chat.Import{
		ID: importID, Kind: "upload", Platform: u.Platform, Conversations: 1, Messages: changed,
	})
}

// maxOvertaken is how often an upload may be overtaken by others of the same
// conversation that are deleted again at once.
const maxOvertaken = 20

// createOrMerge also tells how many messages are new or changed. On PostgreSQL
// others may create the conversation after this transaction has not found it,
// and delete it before this one has locked it; then it begins anew.
func createOrMerge(tx *store.Tx, ws chat.WorkspaceID, u chat.Upload, importID string) (chat.Conversation, int, error) {
	for range maxOvertaken {
		stored, err := tx.LockByExternalID(ws, u.Platform, u.ExternalID)
		if err == nil {
			merged := chat.Merge(stored, u)
			c, err := tx.UpdateConversation(ws, stored.Conversation, merged, importID)
			return c, merged.Added + len(merged.Edited), err
		}
		if !fault.Is(err, fault.NotFound) {
			return chat.Conversation{}, 0, err
		}
		deleted, excluded, err := tx.Tombstoned(ws, u.Platform, u.ExternalID)
		if err != nil {
			return chat.Conversation{}, 0, err
		}
		fresh := chat.NewTranscript(u)
		if excluded {
			refused := fresh.Conversation
			refused.ID, refused.Messages, refused.IndexState = "", 0, chat.Excluded
			return refused, 0, nil
		}
		fresh.ImportID = importID
		made, err := tx.CreateConversation(ws, fresh)
		if err != nil {
			return chat.Conversation{}, 0, err
		}
		if !made {
			continue
		}
		if deleted { // whoever sends it now wants it back
			// After the conversation, as a delete does it too: in another order the
			// two could wait for each other.
			err = tx.RemoveTombstone(ws, u.Platform, u.ExternalID)
		}
		return fresh.Conversation, len(fresh.Turns), err
	}
	return chat.Conversation{}, 0, fault.New(fault.Unavailable, "this conversation is being created and deleted by others; try again")
}
