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

// Ingest stores one conversation, or merges it into the stored one with the same platform and
// external id, and queues it for indexing if that changed anything. A caller without the
// scope read gets the title that it sent, not the stored one. A large upload has a longer
// time limit. The errors are Invalid, which lists every problem, and those of the store;
// after an error nothing was stored.
func (a Access) Ingest(ctx context.Context, u chat.Upload) (Ingested, error) {
	return askWithin(ctx, a, OpIngest, a.history.uploadPatience(u), func(ctx context.Context, h *History, ws chat.WorkspaceID) (Ingested, error) {
		valid, err := u.Validate(h.now())
		if err != nil {
			return Ingested{}, err
		}
		k, err := a.keyed(OpIngest, u)
		if err != nil {
			return Ingested{}, err
		}
		done, err := h.ingest(ctx, ws, valid, k)
		if err == nil && !a.mayRead() {
			done.Conversation = withoutStored(done.Conversation, valid.Title())
		}
		return done, err
	})
}

// IngestAll is Ingest for several conversations, such as those of an export file. It stores
// all of them in one transaction, as one import, or none if there is an error. If two uploads
// are of the same conversation, the later one is merged into the earlier one. Conversations
// that were refused have no id and the state Excluded or LeftDeleted. A part whose beginning
// is missing has no id and an error in Refused. Invalid, with the
// problems of each, when one cannot be stored, and when there are none or more than
// MaxDelivery.
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

// ImportFile stores the conversations of a file as one import, a few hundred per transaction.
// The import is recorded before the first of them is stored.
// Conversations that were deleted before stay deleted unless restoreDeleted is set, because
// an old file does not mean that they are wanted again. Excluded ones are refused in either
// case. The answer lists conversations that cannot be stored; the others are stored. An error
// ends the import. What came before it is stored and counted in the answer, so the same file
// can be sent again.
func (a Access) ImportFile(ctx context.Context, file iter.Seq[Read], restoreDeleted bool) (Imported, error) {
	return ask(ctx, a, OpImportFile, func(ctx context.Context, _ *History, _ chat.WorkspaceID) (Imported, error) {
		return a.importFile(ctx, file, NewImport{RestoreDeleted: restoreDeleted})
	})
}

// StartImport records an import of a file and returns it, for a caller that reads the file step
// by step: it passes each conversation to Take, and must call End. The import ends with ctx,
// when somebody stops it, and when the caller's key is revoked. Conflict when the workspace
// was deleted.
func (a Access) StartImport(ctx context.Context, n NewImport) (*Importing, error) {
	if err := a.May(OpStartImport); err != nil {
		return nil, err
	}
	return a.startImport(ctx, n)
}

// BeginImport records an import for a client that reads the file itself: it sends the
// conversations with FeedImport and ends the import with FinishImport. In between it must send
// something, or ReportImport, at least every ImportSilence; else the import counts as stopped.
func (a Access) BeginImport(ctx context.Context, n NewImport) (chat.Import, error) {
	return ask(ctx, a, OpBeginImport, func(ctx context.Context, h *History, ws chat.WorkspaceID) (chat.Import, error) {
		return a.shown(h.beginImport(ctx, ws, n))
	})
}

// FeedImport stores a part of an import that BeginImport has begun: at most MaxDelivery
// conversations, in one transaction. Parts have numbers from 1, and each is stored once: a part
// that is sent again, because its answer was lost, changes nothing. A conversation that cannot
// be stored is a problem of the answer and holds up no other. Conflict when the import has
// ended, or when a part is missing before this one.
func (a Access) FeedImport(ctx context.Context, id string, part int, reads iter.Seq[Read]) (Fed, error) {
	return ask(ctx, a, OpFeedImport, func(ctx context.Context, h *History, ws chat.WorkspaceID) (Fed, error) {
		fed, err := h.feedImport(ctx, ws, id, part, reads)
		fed.Import, err = a.shown(fed.Import, err)
		return fed, err
	})
}

// ReportImport records how far a client is with an import that BeginImport has begun. Conflict
// when the import has ended: then the client stops.
func (a Access) ReportImport(ctx context.Context, id string, r ImportReport) (chat.Import, error) {
	return ask(ctx, a, OpReportImport, func(ctx context.Context, h *History, ws chat.WorkspaceID) (chat.Import, error) {
		return a.shown(h.reportImport(ctx, ws, id, r, nil))
	})
}

// FinishImport ends an import that BeginImport has begun. A client that did not get the answer
// may call it again. Conflict when the import has ended in another way.
func (a Access) FinishImport(ctx context.Context, id string, r ImportReport, e ImportEnd) (chat.Import, error) {
	return ask(ctx, a, OpFinishImport, func(ctx context.Context, h *History, ws chat.WorkspaceID) (chat.Import, error) {
		return a.shown(h.reportImport(ctx, ws, id, r, &e))
	})
}

// StopImport stops a running import, whichever client or program runs it. What it has stored stays, and nothing
// more is stored after the call. An import that has ended is returned as it is. NotFound when
// the workspace has no import with this id.
func (a Access) StopImport(ctx context.Context, id string) (chat.Import, error) {
	return ask(ctx, a, OpStopImport, func(ctx context.Context, h *History, ws chat.WorkspaceID) (chat.Import, error) {
		return a.shown(h.stopImport(ctx, ws, id))
	})
}

// ImportBegun returns the record of an import that the caller began. Without the scope read, the caller does not get
// what other callers wrote into it.
func (a Access) ImportBegun(ctx context.Context, id string) (chat.Import, error) {
	return ask(ctx, a, OpImportBegun, func(ctx context.Context, h *History, ws chat.WorkspaceID) (chat.Import, error) {
		return a.shown(h.importByID(ctx, ws, id))
	})
}

// shown reduces an import to what the caller may see: without the scope read, nothing that other callers wrote.
func (a Access) shown(i chat.Import, err error) (chat.Import, error) {
	if !a.mayRead() {
		i.Error, i.FileName, i.Report = "", "", chat.ImportReport{}
	}
	return i, err
}

// Edit changes the title or the pin of a conversation. A caller without the scope read gets
// only the title that it sent. Invalid when the edit is empty or the title is blank, NotFound
// when the workspace has no such conversation.
func (a Access) Edit(ctx context.Context, id chat.ConversationID, e chat.Edit) (chat.Conversation, error) {
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

// DeleteConversations deletes conversations with their messages, chunks and vectors in one
// transaction: all of the ids that the workspace has, or none if there is an error. Repeated
// ids count once. Ids that are unknown, malformed, already deleted or of another workspace are
// left out of the answer, so of two deletes of one id exactly one reports it. Pinned
// conversations are deleted too. The same transaction writes the receipt and the tombstones.
// Invalid when there is no id, or more than MaxDelete.
func (a Access) DeleteConversations(ctx context.Context, ids []chat.ConversationID, o chat.DeleteOptions) (Deleted, error) {
	return ask(ctx, a, OpDeleteConversations, func(ctx context.Context, h *History, ws chat.WorkspaceID) (Deleted, error) {
		k, err := a.keyed(OpDeleteConversations, []any{ids, o})
		if err != nil {
			return Deleted{}, err
		}
		return h.deleteConversations(ctx, ws, ids, a.by(o), k)
	})
}

// DeleteBulk deletes the ids that the workspace has, as DeleteConversations does, and returns
// the missing ones. If it is atomic and an id is missing, it deletes nothing. Invalid when
// there is no id, more than MaxBulkDelete, an id that is no UUID, or a repeated id.
func (a Access) DeleteBulk(ctx context.Context, b BulkDelete) (BulkDeleted, error) {
	return ask(ctx, a, OpDeleteBulk, func(ctx context.Context, h *History, ws chat.WorkspaceID) (BulkDeleted, error) {
		k, err := a.keyed(OpDeleteBulk, b)
		if err != nil {
			return BulkDeleted{}, err
		}
		return h.deleteBulk(ctx, ws, b, a.by(chat.DeleteOptions{}), k)
	})
}

// DeleteMatching deletes every conversation that a filter selects in one transaction, like
// DeleteConversations. The answer has the deleted ids in the order of creation. With DryRun
// it deletes nothing and only counts. The conversations are counted under the locks that the
// delete holds. If a request with an idempotency key is sent again, the answer has the number and
// the receipt but no ids, because the ids of deleted conversations are not stored. Invalid when
// the filter is empty and All is not set; Conflict when the number differs from Expected.
//
// A dry run and a filter by title reveal stored data, so they also need the scope read.
// Without that scope, Conflict does not say how many conversations match.
func (a Access) DeleteMatching(ctx context.Context, m chat.MatchingDelete) (n int, deleted Deleted, err error) {
	if err := a.May(OpDeleteMatching); err != nil {
		return 0, Deleted{}, err
	}
	if m.DryRun || m.Filter.Title != "" {
		if err := a.need(auth.Read); err != nil {
			return 0, Deleted{}, err
		}
	}
	k, err := a.keyed(OpDeleteMatching, m)
	if err != nil {
		return 0, Deleted{}, err
	}
	m.DeleteOptions = a.by(m.DeleteOptions)
	ctx, cancel := within(ctx, a.history.Patience(OpDeleteMatching))
	defer cancel()
	n, deleted, err = a.history.deleteMatching(ctx, a.who.Workspace, m, k)
	if errors.Is(err, errCount) && !a.mayRead() {
		err = fault.New(fault.Conflict, "the filter matches more or fewer conversations than expected; nothing was deleted")
	}
	return n, deleted, err
}

// DeleteUnchanged deletes conversations like DeleteConversations, if each still has the
// revision that the caller names. The revisions are compared under the locks that the delete
// holds, so no change can come in between. Conversations that no longer exist are left out of
// the answer. If one has changed, it deletes nothing and returns Conflict with a
// *chat.ChangedError, which has no titles for a caller without the scope read. Invalid when
// there is no conversation, more than MaxDeleteUnchanged, or one with two different revisions.
func (a Access) DeleteUnchanged(ctx context.Context, d chat.UnchangedDelete) (Deleted, error) {
	return ask(ctx, a, OpDeleteUnchanged, func(ctx context.Context, h *History, ws chat.WorkspaceID) (Deleted, error) {
		k, err := a.keyed(OpDeleteUnchanged, d)
		if err != nil {
			return Deleted{}, err
		}
		d.DeleteOptions = a.by(d.DeleteOptions)
		deleted, err := h.deleteUnchanged(ctx, ws, d, k)
		var changed *chat.ChangedError
		if errors.As(err, &changed) && !a.mayRead() {
			err = fault.Wrap(fault.KindOf(err), withoutTitles(changed), "%s", fault.Message(err))
		}
		return deleted, err
	})
}

// withoutTitles reduces the changed conversations to their ids.
func withoutTitles(e *chat.ChangedError) *chat.ChangedError {
	bare := &chat.ChangedError{Of: e.Of, Changed: make([]chat.Conversation, len(e.Changed))}
	for i, c := range e.Changed {
		bare.Changed[i] = chat.Conversation{ID: c.ID}
	}
	return bare
}

// AwaitReclaimed waits until the storage of a delete is reclaimed, at most 15 s, and returns
// its receipt. After that time the receipt has no ReclaimedAt. That is not an error, because
// the delete itself is complete.
func (a Access) AwaitReclaimed(ctx context.Context, receipt chat.Deletion) (chat.Deletion, error) {
	return ask(ctx, a, OpAwaitReclaimed, func(ctx context.Context, h *History, ws chat.WorkspaceID) (chat.Deletion, error) {
		return h.awaitReclaimed(ctx, ws, receipt)
	})
}

// LiftExclusions allows uploads of excluded conversations again, and of the messages that were
// deleted one by one from the named conversations. It returns how many of each there were. Ids
// that are unknown, malformed or of another workspace are ignored. Invalid when no id is given,
// or more than MaxDelete.
func (a Access) LiftExclusions(ctx context.Context, l chat.Lift) (chat.Lifted, error) {
	return ask(ctx, a, OpLiftExclusions, func(ctx context.Context, h *History, ws chat.WorkspaceID) (chat.Lifted, error) {
		return h.liftExclusions(ctx, ws, l)
	})
}

// ReindexFailed queues conversations that could not be indexed, with a new count of attempts,
// and returns how many there are.
func (a Access) ReindexFailed(ctx context.Context) (int, error) {
	return ask(ctx, a, OpReindexFailed, func(ctx context.Context, h *History, ws chat.WorkspaceID) (n int, err error) {
		err = h.store.InTx(ctx, func(tx *store.Tx) (err error) {
			n, err = tx.RequeueFailedIn(ws)
			return err
		})
		if err == nil && n > 0 {
			h.wake(ws)
		}
		return n, err
	})
}

// withoutStored reduces a conversation to what a caller without the scope read may see: its
// ids, its state, and texts that the caller just sent.
func withoutStored(c chat.Conversation, sent string) chat.Conversation {
	c.Title, c.IndexError = sent, ""
	return c
}
