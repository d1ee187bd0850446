package history

import (
	"context"
	"errors"
	"iter"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// Ingest stores one conversation, or merges it into the one that the workspace
// already has under the same platform and external id, and queues it for indexing
// when that changed anything. To a caller without the scope read the answer has the
// title that it sent, not the stored one. A large upload may take longer than other
// operations. The errors are Invalid, naming every problem, and those of the store;
// after an error nothing was stored.
func (a Access) Ingest(ctx context.Context, u chat.Upload) (Ingested, error) {
	return askWithin(ctx, a, OpIngest, a.history.uploadPatience(u), func(ctx context.Context, h *History, ws chat.WorkspaceID) (Ingested, error) {
		valid, err := u.Validate(h.now())
		if err != nil {
			return Ingested{}, err
		}
		done, err := h.ingest(ctx, ws, valid)
		if err == nil && !a.mayRead() {
			done.Conversation = withoutStored(done.Conversation, valid.Title())
		}
		return done, err
	})
}

// IngestAll is Ingest for conversations that came together, as out of an export
// file: all in one transaction, as one import, or after an error none. Of two
// uploads of the same conversation the later is merged into the earlier. Those that
// are not stored have no id, and Excluded or LeftDeleted for a state. Invalid,
// naming the problems of each, when one cannot be stored, and when there are none or
// more than MaxDelivery.
func (a Access) IngestAll(ctx context.Context, uploads []chat.Upload, how Delivery) (Delivered, error) {
	return ask(ctx, a, OpIngestAll, func(ctx context.Context, h *History, ws chat.WorkspaceID) (Delivered, error) {
		valid, err := h.validateAll(uploads)
		if err != nil {
			return Delivered{}, err
		}
		done, err := h.deliver(ctx, ws, valid, how)
		if err == nil && !a.mayRead() {
			for i, c := range done.Conversations {
				done.Conversations[i] = withoutStored(c, valid[i].Title())
			}
		}
		return done, err
	})
}

// ImportFile stores the conversations of a file, some hundred in each transaction,
// as one import. What was deleted before stays deleted, unless restoreDeleted: an
// old file does not mean that somebody wants it again. What is excluded stays out in
// either case. A conversation that cannot be stored is named in the answer and holds
// up nothing else. An error ends the import; what came before it is stored, and the
// answer says how much, so the same file can be sent again.
func (a Access) ImportFile(ctx context.Context, file iter.Seq[Read], restoreDeleted bool) (Imported, error) {
	return ask(ctx, a, OpImportFile, func(ctx context.Context, h *History, ws chat.WorkspaceID) (Imported, error) {
		return h.importFile(ctx, ws, file, restoreDeleted)
	})
}

// Edit renames or pins a conversation. To a caller without the scope read the answer
// has the title that it gave, if any. Invalid when the edit is empty or the title is
// blank, NotFound when the workspace has no such conversation.
func (a Access) Edit(ctx context.Context, id string, e chat.Edit) (chat.Conversation, error) {
	return ask(ctx, a, OpEdit, func(ctx context.Context, h *History, ws chat.WorkspaceID) (chat.Conversation, error) {
		c, err := h.edit(ctx, ws, id, e)
		if err == nil && !a.mayRead() {
			given := ""
			if e.Title != nil {
				given = c.Title
			}
			c = withoutStored(c, given)
		}
		return c, err
	})
}

// DeleteConversations deletes conversations with their messages, chunks and
// vectors, in one transaction: all that the workspace has of the ids, or, after an
// error, none. Ids that repeat count once; those that are unknown, malformed,
// another workspace's or deleted before are left out of the answer, so of two
// deletes of one id exactly one reports it. Pinned conversations are deleted like
// any other. The receipt, and what recognizes the conversations when they come
// again, are written in the same transaction. Invalid when there is no id, or more
// than MaxDelete.
func (a Access) DeleteConversations(ctx context.Context, ids []string, o chat.DeleteOptions) (Deleted, error) {
	return ask(ctx, a, OpDeleteConversations, func(ctx context.Context, h *History, ws chat.WorkspaceID) (Deleted, error) {
		return h.deleteConversations(ctx, ws, ids, a.by(o))
	})
}

// DeleteBulk deletes what the workspace has of the ids as DeleteConversations does,
// and names the others. When it is atomic and one is missing, it deletes nothing.
// Invalid when there is no id, more than MaxBulkDelete, one that is no UUID, or one
// twice.
func (a Access) DeleteBulk(ctx context.Context, b BulkDelete) (BulkDeleted, error) {
	return ask(ctx, a, OpDeleteBulk, func(ctx context.Context, h *History, ws chat.WorkspaceID) (BulkDeleted, error) {
		return h.deleteBulk(ctx, ws, b, a.by(chat.DeleteOptions{}))
	})
}

// DeleteMatching deletes every conversation that a filter selects, in one
// transaction however many they are, as DeleteConversations does with those it is
// told. The ids of what it deleted are in the order in which they were made. With
// DryRun it deletes nothing. The number is of what matches; it is counted under the
// locks that the delete holds. Invalid when the filter selects nothing in particular
// and All is not said; Conflict when there are more or fewer than Expected.
//
// A dry run and a filter by title tell what is stored. They also need the scope
// read, and without it Conflict does not say how many there are.
func (a Access) DeleteMatching(ctx context.Context, m chat.MatchingDelete) (n int, deleted Deleted, err error) {
	if err := a.May(OpDeleteMatching); err != nil {
		return 0, Deleted{}, err
	}
	if m.DryRun || m.Filter.Title != "" {
		if err := a.need(auth.Read); err != nil {
			return 0, Deleted{}, err
		}
	}
	m.DeleteOptions = a.by(m.DeleteOptions)
	ctx, cancel := within(ctx, a.history.Patience(OpDeleteMatching))
	defer cancel()
	n, deleted, err = a.history.deleteMatching(ctx, a.who.Workspace, m)
	if fault.Is(err, fault.Conflict) && !a.mayRead() {
		err = fault.New(fault.Conflict, "the filter matches more or fewer conversations than expected; nothing was deleted")
	}
	return n, deleted, err
}

// DeleteUnchanged deletes conversations as DeleteConversations does, if each has the
// revision that the caller names. The revisions are compared under the locks that
// the delete holds, so nothing comes in between. Those that are not there any more
// are left out of the answer. Conflict with a *chat.ChangedError, and nothing
// deleted, when one has changed; to a caller without the scope read it gives ids and
// no titles. Invalid when there is no conversation, more than MaxDeleteUnchanged, or
// one with two different revisions.
func (a Access) DeleteUnchanged(ctx context.Context, d chat.UnchangedDelete) (Deleted, error) {
	d.DeleteOptions = a.by(d.DeleteOptions)
	return ask(ctx, a, OpDeleteUnchanged, func(ctx context.Context, h *History, ws chat.WorkspaceID) (Deleted, error) {
		deleted, err := h.deleteUnchanged(ctx, ws, d)
		var changed *chat.ChangedError
		if errors.As(err, &changed) && !a.mayRead() {
			err = fault.Wrap(fault.KindOf(err), withoutTitles(changed), "%s", fault.Message(err))
		}
		return deleted, err
	})
}

// withoutTitles names what has changed by ids alone.
func withoutTitles(e *chat.ChangedError) *chat.ChangedError {
	bare := &chat.ChangedError{Of: e.Of, Changed: make([]chat.Conversation, len(e.Changed))}
	for i, c := range e.Changed {
		bare.Changed[i] = chat.Conversation{ID: c.ID}
	}
	return bare
}

// AwaitReclaimed waits until the storage of a delete is reclaimed, at most 15 s, and
// returns its receipt. When the time is over, the receipt says so by having no
// ReclaimedAt; that is no error, because the delete itself is done.
func (a Access) AwaitReclaimed(ctx context.Context, receipt chat.Deletion) (chat.Deletion, error) {
	return ask(ctx, a, OpAwaitReclaimed, func(ctx context.Context, h *History, ws chat.WorkspaceID) (chat.Deletion, error) {
		return h.awaitReclaimed(ctx, ws, receipt)
	})
}

// LiftExclusions allows later uploads of conversations again that a delete excluded,
// and returns how many of the named ones were excluded. Ids that are unknown,
// malformed or another workspace's count for nothing. Invalid when none is named, or
// more than MaxDelete.
func (a Access) LiftExclusions(ctx context.Context, l chat.Lift) (int, error) {
	return ask(ctx, a, OpLiftExclusions, func(ctx context.Context, h *History, ws chat.WorkspaceID) (int, error) {
		return h.liftExclusions(ctx, ws, l)
	})
}

// ReindexFailed queues what could not be indexed, with a new count of attempts, and
// returns how many conversations that are.
func (a Access) ReindexFailed(ctx context.Context) (int, error) {
	return ask(ctx, a, OpReindexFailed, func(ctx context.Context, h *History, ws chat.WorkspaceID) (n int, err error) {
		err = h.store.InTx(ctx, func(tx *store.Tx) (err error) {
			n, err = tx.RequeueFailedIn(ws)
			return err
		})
		if err == nil && n > 0 {
			h.wake()
		}
		return n, err
	})
}

// withoutStored is a conversation as a caller without the scope read may see it: its
// ids and how far it is, and of its words only those that the caller just sent.
func withoutStored(c chat.Conversation, sent string) chat.Conversation {
	c.Title, c.IndexError = sent, ""
	return c
}
