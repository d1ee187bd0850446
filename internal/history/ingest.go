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

// ingest is Access.Ingest.
func (h *History) ingest(ctx context.Context, ws chat.WorkspaceID, u chat.Upload) (Ingested, error) {
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

// Delivery says how conversations come together.
type Delivery struct {
	ImportID    string // the import that they go on with; empty for one of their own
	Kind        string // how they came; "upload" when empty
	KeepDeleted bool   // leave deleted what was deleted before, instead of taking it for wanted again
}

// ingestAll is Access.IngestAll.
func (h *History) ingestAll(ctx context.Context, ws chat.WorkspaceID, uploads []chat.Upload, how Delivery) (Delivered, error) {
	if n := len(uploads); n == 0 || n > MaxDelivery {
		return Delivered{}, fault.Invalidf("a delivery has 1 to %d conversations, got %d; send the rest in another", MaxDelivery, n)
	}
	uploads = slices.Clone(uploads)
	for i := range uploads {
		if err := uploads[i].Normalize(h.now()); err != nil {
			return Delivered{}, fault.Wrap(fault.Invalid, err, "upload %d: %s", i, fault.Message(err))
		}
		if uploads[i].Platform != uploads[0].Platform {
			return Delivered{}, fault.Invalidf("upload %d is of the platform %s and upload 0 of %s; send them apart", i, uploads[i].Platform, uploads[0].Platform)
		}
	}
	var done Delivered
	err := h.store.InTx(ctx, func(tx *store.Tx) (err error) {
		done, err = ingestAll(tx, ws, uploads, how)
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
func ingestAll(tx *store.Tx, ws chat.WorkspaceID, uploads []chat.Upload, how Delivery) (Delivered, error) {
	done := Delivered{ImportID: cmp.Or(how.ImportID, chat.NewID()), Conversations: make([]chat.Conversation, len(uploads))}
	left, messages, err := createNew(tx, ws, uploads, done)
	if err != nil {
		return Delivered{}, err
	}
	for _, i := range left {
		c, changed, err := createOrMerge(tx, ws, uploads[i], done.ImportID, how.KeepDeleted)
		if err != nil {
			return Delivered{}, err
		}
		done.Conversations[i] = c
		messages += changed
	}
	stored, displayName := 0, ""
	for i, c := range done.Conversations {
		if c.ID != "" {
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
	return done, tx.AddToImport(ws, chat.Import{
		ID: done.ImportID, Kind: cmp.Or(how.Kind, uploadKind), Platform: uploads[0].Platform, Conversations: stored, Messages: messages,
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
	since, err := tx.TombstonedAmong(ws, uploads[0].Platform, names)
	if err != nil {
		return nil, 0, err
	}
	for _, t := range fresh {
		if !made[t.ID] { // another transaction was faster
			left = append(left, places[t.ID])
			continue
		}
		if since[t.ExternalID] { // and another one deleted what that had made
			left = append(left, places[t.ID])
			if err := tx.TakeBack(ws, t.ID); err != nil {
				return nil, 0, err
			}
			continue
		}
		done.Conversations[places[t.ID]] = t.Conversation
		messages += len(t.Turns)
	}
	return left, messages, nil
}

// uploadKind is the kind of an import that is a caller's own upload.
const uploadKind = "upload"

// ingest is one upload inside a transaction: the conversation, the import that
// brought it, and the platform's name.
func ingest(tx *store.Tx, ws chat.WorkspaceID, u chat.Upload) (Ingested, error) {
	importID := chat.NewID()
	conversation, changed, err := createOrMerge(tx, ws, u, importID, false)
	if err != nil || conversation.ID == "" {
		return Ingested{Conversation: conversation}, err
	}
	if u.DisplayName != "" {
		if err := tx.NamePlatform(ws, u.Platform, u.DisplayName); err != nil {
			return Ingested{}, err
		}
	}
	return Ingested{ImportID: importID, Conversation: conversation}, tx.AddToImport(ws, chat.Import{
		ID: importID, Kind: uploadKind, Platform: u.Platform, Conversations: 1, Messages: changed, ConversationID: conversation.ID,
	})
}

// maxOvertaken is how often an upload may be overtaken by others of the same
// conversation that are deleted again at once.
const maxOvertaken = 20

// createOrMerge also tells how many messages are new or changed. On PostgreSQL
// others may create the conversation after this transaction has not found it,
// and delete it before this one has locked it; then it begins anew.
//
// Whether it was deleted is asked once it is made: a delete that excludes it may
// have come in between, and whoever was deleted by then must not slip back in.
func createOrMerge(tx *store.Tx, ws chat.WorkspaceID, u chat.Upload, importID string, keepDeleted bool) (chat.Conversation, int, error) {
	for range maxOvertaken {
		stored, abridged, err := tx.LockByExternalID(ws, u.Platform, u.ExternalID)
		if err == nil {
			merge := chat.Merge
			if abridged {
				merge = chat.MergeAbridged
			}
			merged := merge(stored, u)
			c, err := tx.UpdateConversation(ws, stored.Conversation, merged, importID)
			return c, merged.Added + len(merged.Edited), err
		}
		if !fault.Is(err, fault.NotFound) {
			return chat.Conversation{}, 0, err
		}
		fresh := chat.NewTranscript(u)
		fresh.ImportID = importID
		made, err := tx.CreateConversation(ws, fresh)
		if err != nil {
			return chat.Conversation{}, 0, err
		}
		if !made {
			continue
		}
		deleted, excluded, err := tx.Tombstoned(ws, u.Platform, u.ExternalID)
		switch {
		case err != nil:
			return chat.Conversation{}, 0, err
		case excluded:
			return refused(fresh.Conversation, chat.Excluded), 0, tx.TakeBack(ws, fresh.ID)
		case deleted && keepDeleted:
			return refused(fresh.Conversation, chat.LeftDeleted), 0, tx.TakeBack(ws, fresh.ID)
		case deleted: // whoever sends it now wants it back
			err = tx.RemoveTombstone(ws, u.Platform, u.ExternalID)
		}
		return fresh.Conversation, len(fresh.Turns), err
	}
	return chat.Conversation{}, 0, fault.New(fault.Unavailable, "this conversation is being created and deleted by others; try again")
}

// refused is the answer to an upload that is not stored.
func refused(c chat.Conversation, why chat.IndexState) chat.Conversation {
	c.ID, c.ImportID, c.Messages, c.IndexState = "", "", 0, why
	return c
}
