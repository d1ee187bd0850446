package history

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// Ingested is the result of an upload.
type Ingested struct {
	ImportID     string
	Conversation chat.Conversation
}

// ingest is Access.Ingest: a delivery of one.
func (h *History) ingest(ctx context.Context, ws chat.WorkspaceID, u chat.ValidUpload) (Ingested, error) {
	done, err := h.deliver(ctx, ws, []chat.ValidUpload{u}, Delivery{})
	if err != nil {
		return Ingested{}, err
	}
	return Ingested{ImportID: done.ImportID, Conversation: done.Conversations[0]}, nil
}

// MaxDelivery is how many conversations IngestAll accepts at once: enough that the cost of a
// transaction is small for each, and few enough to be held in memory.
const MaxDelivery = 1000

// Delivered is the result of several uploads that were stored together.
type Delivered struct {
	ImportID      string              // empty when every conversation was refused
	Conversations []chat.Conversation // in the order of the uploads
}

// Delivery says how uploads are stored together.
type Delivery struct {
	ImportID    string // the import that they go on with; empty for one of their own
	Kind        string // how they came; "upload" when empty
	KeepDeleted bool   // leave deleted what was deleted before, instead of taking it for wanted again
}

// validateAll checks the uploads of a delivery.
func (h *History) validateAll(uploads []chat.Upload) ([]chat.ValidUpload, error) {
	if n := len(uploads); n == 0 || n > MaxDelivery {
		return nil, fault.Invalidf("a delivery has 1 to %d conversations, got %d; send the rest in another", MaxDelivery, n)
	}
	valid := make([]chat.ValidUpload, len(uploads))
	var problems []string
	for i, u := range uploads {
		var err error
		if valid[i], err = u.Validate(h.now()); err != nil {
			problems = append(problems, fmt.Sprintf("upload %d: %s", i, fault.Message(err)))
		}
	}
	if n := len(problems); n > 0 {
		return nil, fault.Invalidf("%s", strings.Join(problems[:min(n, maxImportProblems)], "; "))
	}
	return valid, nil
}

// deliver stores uploads in one transaction and wakes the indexer. Every upload and every
// import goes through it.
func (h *History) deliver(ctx context.Context, ws chat.WorkspaceID, uploads []chat.ValidUpload, how Delivery) (Delivered, error) {
	var done Delivered
	err := h.store.InTx(ctx, func(tx *store.Tx) (err error) {
		d := delivery{tx: tx, ws: ws, uploads: uploads, keepDeleted: how.KeepDeleted}
		done, err = d.store(cmp.Or(how.ImportID, chat.NewID()), cmp.Or(how.Kind, uploadKind))
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

// uploadKind is the kind of an import that is a caller's upload.
const uploadKind = "upload"

// delivery is what one transaction stores.
type delivery struct {
	tx          *store.Tx
	ws          chat.WorkspaceID
	uploads     []chat.ValidUpload
	keepDeleted bool
	importID    string
	stored      []chat.Conversation // in the order of the uploads
	messages    int                 // that are new or changed
}

func (d *delivery) store(importID, kind string) (Delivered, error) {
	d.importID, d.stored = importID, make([]chat.Conversation, len(d.uploads))
	left, err := d.createTogether()
	if err != nil {
		return Delivered{}, err
	}
	for _, i := range left {
		if err := d.createOrMerge(i); err != nil {
			return Delivered{}, err
		}
	}
	brought := chat.Import{ID: importID, Kind: kind, Messages: d.messages}
	names := map[string]string{} // of platforms
	for i, c := range d.stored {
		if c.ID == "" {
			continue
		}
		brought.Conversations++
		if len(d.uploads) == 1 && kind == uploadKind {
			brought.ConversationID = c.ID
		}
		if brought.Platform = cmp.Or(brought.Platform, c.Platform); brought.Platform != c.Platform {
			brought.Platform = chat.SeveralPlatforms
		}
		if name := d.uploads[i].DisplayName(); name != "" { // the last one wins
			names[c.Platform] = name
		}
	}
	if brought.Conversations == 0 {
		return Delivered{Conversations: d.stored}, nil
	}
	for _, platform := range slices.Sorted(maps.Keys(names)) {
		if err := d.tx.NamePlatform(d.ws, platform, names[platform]); err != nil {
			return Delivered{}, err
		}
	}
	return Delivered{ImportID: importID, Conversations: d.stored}, d.tx.AddToImport(d.ws, brought)
}

// createTogether saves statements when there are many uploads: it creates the conversations
// that the workspace never had, and returns the places of the other uploads in order. No other
// transaction can delete those conversations now.
func (d *delivery) createTogether() (left []int, err error) {
	if len(d.uploads) == 1 {
		return []int{0}, nil
	}
	if err := d.tx.LockDelivery(d.ws); err != nil {
		return nil, err
	}
	origins := make([]chat.Origin, len(d.uploads))
	for i, u := range d.uploads {
		origins[i] = u.Origin()
	}
	known, err := d.tx.LockKnown(d.ws, origins)
	if err != nil {
		return nil, err
	}
	var fresh []chat.Transcript
	places := map[string]int{} // by our ids
	for i, u := range d.uploads {
		if known[u.Origin()] {
			left = append(left, i)
			continue
		}
		t := d.fresh(u)
		fresh, places[t.ID], known[u.Origin()] = append(fresh, t), i, true
	}
	made, err := d.tx.CreateConversations(d.ws, fresh)
	if err != nil {
		return nil, err
	}
	// A delete may have come in between: what was deleted by then needs a closer look.
	deleted, err := d.tx.TombstonedAmong(d.ws, origins)
	if err != nil {
		return nil, err
	}
	for _, t := range fresh {
		i := places[t.ID]
		switch {
		case !made[t.ID]: // another transaction was faster
			left = append(left, i)
		case deleted[d.uploads[i].Origin()]:
			left = append(left, i)
			if err := d.tx.TakeBack(d.ws, t.ID); err != nil {
				return nil, err
			}
		default:
			d.stored[i] = t.Conversation
			d.messages += len(t.Turns)
		}
	}
	slices.Sort(left) // of two uploads of one conversation the later wins
	return left, nil
}

func (d *delivery) fresh(u chat.ValidUpload) chat.Transcript {
	t := chat.NewTranscript(u)
	t.ImportID = d.importID
	return t
}

// maxOvertaken is how often other uploads of the same conversation, which is then deleted at
// once, may overtake an upload.
const maxOvertaken = 20

// createOrMerge stores one upload. On PostgreSQL another transaction may create the
// conversation after this one has not found it, and delete it before this one has locked it.
// Then createOrMerge starts again.
func (d *delivery) createOrMerge(i int) error {
	u := d.uploads[i]
	for range maxOvertaken {
		stored, abridged, err := d.tx.LockByExternalID(d.ws, u.Origin().Platform, u.Origin().ExternalID)
		if err == nil {
			merge := chat.Merge
			if abridged {
				merge = chat.MergeAbridged
			}
			merged := merge(stored, u)
			d.messages += merged.Added + len(merged.Edited)
			d.stored[i], err = d.tx.UpdateConversation(d.ws, stored.Conversation, merged, d.importID)
			return err
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		fresh := d.fresh(u)
		made, err := d.tx.CreateConversation(d.ws, fresh)
		if err != nil {
			return err
		}
		if made {
			return d.admit(i, fresh)
		}
	}
	return fault.New(fault.Unavailable, "this conversation is being created and deleted by others; try again")
}

// admit decides whether a new conversation may stay. It checks only now whether the
// conversation was deleted before, because a delete that excludes it may have committed since
// the transaction began, and such a conversation must not come back.
func (d *delivery) admit(i int, fresh chat.Transcript) error {
	deleted, excluded, err := d.tx.Tombstoned(d.ws, fresh.Platform, fresh.ExternalID)
	switch {
	case err != nil:
		return err
	case excluded:
		d.stored[i] = refused(fresh.Conversation, chat.Excluded)
		return d.tx.TakeBack(d.ws, fresh.ID)
	case deleted && d.keepDeleted:
		d.stored[i] = refused(fresh.Conversation, chat.LeftDeleted)
		return d.tx.TakeBack(d.ws, fresh.ID)
	}
	d.stored[i] = fresh.Conversation
	d.messages += len(fresh.Turns)
	if deleted { // whoever sends it now wants it back
		return d.tx.RemoveTombstone(d.ws, fresh.Platform, fresh.ExternalID)
	}
	return nil
}

// refused is the result of an upload that is not stored.
func refused(c chat.Conversation, why chat.IndexState) chat.Conversation {
	c.ID, c.ImportID, c.Messages, c.IndexState = "", "", 0, why
	return c
}
