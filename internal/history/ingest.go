package history

import (
	"cmp"
	"context"
	"slices"

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

// MaxDelivery is how many conversations IngestAll takes at once: so many that one
// transaction costs little for each, and so few that they are held in memory.
const MaxDelivery = 1000

// Delivered is the answer to many uploads that came together.
type Delivered struct {
	ImportID      string              // empty when every conversation was refused
	Conversations []chat.Conversation // in the order of the uploads
}

// IngestAll is Ingest for conversations of one platform that came together, as out
// of an export file: all in one transaction, as one import, or after an error none.
// Of two uploads of the same conversation the later is merged into the earlier.
// Invalid when there are none, more than MaxDelivery, or of several platforms.
func (h *History) IngestAll(ctx context.Context, ws chat.WorkspaceID, uploads []chat.Upload) (Delivered, error) {
	if n := len(uploads); n == 0 || n > MaxDelivery {
		return Delivered{}, fault.Invalidf("a delivery has 1 to %d conversations, got %d; send the rest in another", MaxDelivery, n)
	}
	uploads = slices.Clone(uploads)
	for i := range uploads {
		if err := uploads[i].Normalize(h.now()); err != nil {
			return Delivered{}, fault.Invalidf("conversations[%d]: %s", i, err.Error())
		}
		if uploads[i].Platform != uploads[0].Platform {
			return Delivered{}, fault.Invalidf("conversations[%d] is of the platform %s and conversations[0] of %s; send them apart", i, uploads[i].Platform, uploads[0].Platform)
		}
	}
	var done Delivered
	err := h.store.InTx(ctx, func(tx *store.Tx) (err error) {
		done, err = ingestAll(tx, ws, uploads)
		return err
	})
	if err != nil {
		return Delivered{}, err
	}
	if slices.ContainsFunc(done.Conversations, func(c chat.Conversation) bool { return c.IndexState == chat.Queued }) {
		h.wake()
	}
	return done, nil
}

// ingestAll is a delivery inside a transaction. What nobody has met yet is created
// together; the rest, which is merged or may be refused, one after the other.
func ingestAll(tx *store.Tx, ws chat.WorkspaceID, uploads []chat.Upload) (Delivered, error) {
	done := Delivered{ImportID: chat.NewID(), Conversations: make([]chat.Conversation, len(uploads))}
	left, messages, err := createNew(tx, ws, uploads, done)
	if err != nil {
		return Delivered{}, err
	}
	for _, i := range left {
		c, changed, err := createOrMerge(tx, ws, uploads[i], done.ImportID)
		if err != nil {
			return Delivered{}, err
		}
		done.Conversations[i] = c
		messages += changed
	}
	stored, displayName := 0, ""
	for i, c := range done.Conversations {
		if c.IndexState != chat.Excluded {
			stored++
			displayName = cmp.Or(uploads[i].DisplayName, displayName) // the last one wins
		}
	}
	if stored == 0 {
		return Delivered{Conversations: done.Conversations}, nil
	}
	if displayName != "" {
		if err := tx.NamePlatform(ws, uploads[0].Platform, displayName); err != nil {
			return Delivered{}, err
		}
	}
	return done, tx.CreateImport(ws, chat.Import{
		ID: done.ImportID, Kind: "upload", Platform: uploads[0].Platform, Conversations: stored, Messages: messages,
	})
}

// createNew creates the conversations that the workspace has not met, puts them
// into the delivery, and returns the places of the others, which nobody can delete
// now, and how many messages it stored.
func createNew(tx *store.Tx, ws chat.WorkspaceID, uploads []chat.Upload, done Delivered) (left []int, messages int, err error) {
	names := make([]string, len(uploads))
	for i, u := range uploads {
		names[i] = u.ExternalID
	}
	if err := tx.LockDelivery(ws); err != nil {
		return nil, 0, err
	}
	known, err := tx.LockKnown(ws, uploads[0].Platform, names)
	if err != nil {
		return nil, 0, err
	}
	var fresh []chat.Transcript
	places := map[string]int{} // by our ids
	for i, u := range uploads {
		if _, met := known[u.ExternalID]; met {
			left = append(left, i)
			continue
		}
		t := chat.NewTranscript(u)
		t.ImportID = done.ImportID
		fresh, places[t.ID], known[u.ExternalID] = append(fresh, t), i, t.ID
	}
	made, err := tx.CreateConversations(ws, fresh)
	if err != nil {
		return nil, 0, err
	}
	for _, t := range fresh {
		if !made[t.ID] { // another transaction was faster
			left = append(left, places[t.ID])
			continue
		}
		done.Conversations[places[t.ID]] = t.Conversation
		messages += len(t.Turns)
	}
	return left, messages, nil
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
