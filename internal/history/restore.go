package history

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// Restore stores the records of an export of everything as they were, with their ids, and
// returns what was read. Conversations are queued for indexing. seen, if not nil, is called with
// how much was stored so far.
//
// The workspaces of the export must be missing or empty, and the database must have no
// tombstones with another key: otherwise it is a Conflict before anything is written. It is a
// Conflict, too, if the key has to be replaced while a service runs on the database. If a restore
// was interrupted, that of the same file continues it. Invalid when the records are not complete;
// what came before stays then.
func (a Administration) Restore(ctx context.Context, records iter.Seq2[Record, error], seen func(Tally)) (Tally, error) {
	r := restoring{ctx: ctx, store: a.history.store, seen: seen}
	for record, err := range records {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = r.take(record)
		}
		if err != nil {
			return r.tally, err
		}
	}
	if !r.ended {
		return r.tally, fault.Invalidf("the file ends before its last line, so it is incomplete; what it has was restored. Export again, and restore into a new database")
	}
	a.history.wake(0)
	return r.tally, nil
}

// restoring is one call of Administration.Restore.
type restoring struct {
	ctx   context.Context //nolint:containedctx // it ends with the call
	store *store.Store
	seen  func(Tally)
	tally Tally
	begun bool
	ended bool

	space   *RecordedSpace
	ws      chat.WorkspaceID // 0 before the first receipt of a deleted workspace
	waiting batch
}

// batch is what one transaction stores.
type batch struct {
	conversations []chat.StoredPart
	tombstones    []chat.Tombstone
	deletions     []chat.Deletion
	text          int // bytes of the messages
}

func (b *batch) full() bool {
	return len(b.conversations) >= importBatch || b.text >= importBatchText || len(b.tombstones)+len(b.deletions) >= recordPage
}

func (r *restoring) take(record Record) error {
	switch {
	case record.Beginning != nil:
		return r.begin(*record.Beginning)
	case !r.begun:
		return fault.Invalidf("the file has no header; it was not written by `lethe export --everything`")
	case r.ended:
		return fault.Invalidf("the file goes on after its last line")
	case record.End != nil:
		return r.end(*record.End)
	case record.Workspace != nil:
		return r.enter(*record.Workspace)
	case r.space == nil:
		return fault.Invalidf("the file has records that belong to no workspace")
	}
	if r.space.Name == "" && record.Deletion == nil {
		return fault.Invalidf("a deleted workspace has more than receipts; the file is damaged")
	}
	if err := r.inWorkspace(record); err != nil {
		return err
	}
	if r.waiting.full() {
		return r.flush()
	}
	return nil
}

// begin checks whether the file can be restored here, before anything else is written.
func (r *restoring) begin(b Beginning) error {
	switch {
	case r.begun:
		return fault.Invalidf("the file has two headers")
	case len(b.TombstoneKey) != chat.TombstoneKeySize || b.FileID == "":
		return fault.Invalidf("the header of the file is damaged")
	}
	view := r.store.View(r.ctx)
	open, err := view.OpenRestore()
	if err != nil {
		return err
	}
	if open != "" && open != b.FileID {
		return fault.New(fault.Conflict, "the restore of another file into this database was interrupted; restore that file again, or restore this one into a new database")
	}
	for _, name := range b.Workspaces {
		if open != "" {
			break
		}
		ws, err := view.Workspace(name)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if empty, err := view.IsEmpty(ws); err != nil {
			return err
		} else if !empty {
			return fault.New(fault.Conflict, "the workspace %q of this database is not empty; nothing was restored. "+
				"Restore into a new database, or import single conversations with `lethe export` and `lethe import`", name)
		}
	}
	if err := r.store.AdoptTombstoneKey(r.ctx, b.TombstoneKey); err != nil {
		return err
	}
	r.begun = true
	return r.store.InTx(r.ctx, func(tx *store.Tx) error { return tx.BeginRestore(b.FileID) })
}

func (r *restoring) enter(s RecordedSpace) error {
	if err := r.leave(); err != nil {
		return err
	}
	r.space, r.ws = &s, 0
	if s.Name == "" {
		return nil
	}
	r.tally.Workspaces++
	return r.store.InTx(r.ctx, func(tx *store.Tx) (err error) {
		r.ws, err = tx.RestoreWorkspace(s.Name, s.CreatedAt)
		return err
	})
}

// leave stores the rest of a workspace, and removes what was deleted while it was exported.
func (r *restoring) leave() error {
	if err := r.flush(); err != nil || r.space == nil || r.space.Name == "" {
		return err
	}
	for after, more := chat.ConversationID(""), true; more; {
		var last chat.ConversationID
		err := r.store.InTx(r.ctx, func(tx *store.Tx) (err error) {
			last, err = tx.TakeBackDeleted(r.ws, after, recordPage)
			return err
		})
		if err != nil {
			return err
		}
		after, more = last, last != ""
	}
	return nil
}

func (r *restoring) end(want Tally) error {
	if err := r.leave(); err != nil {
		return err
	}
	if r.tally != want {
		return fault.Invalidf("lines of the file are missing: it should have %d conversations with %d messages, %d imports, %d receipts and %d records of deleted conversations, "+
			"and has %d, %d, %d, %d and %d. What it has was restored", want.Conversations, want.Messages, want.Imports, want.Deletions, want.Tombstones,
			r.tally.Conversations, r.tally.Messages, r.tally.Imports, r.tally.Deletions, r.tally.Tombstones)
	}
	r.ended = true
	return r.store.InTx(r.ctx, func(tx *store.Tx) error { return tx.EndRestore() })
}

func (r *restoring) inWorkspace(record Record) error {
	switch {
	case record.Part != nil:
		return r.part(*record.Part)
	case record.Platform != nil:
		return r.now(func(tx *store.Tx) error {
			return tx.NamePlatform(r.ws, record.Platform.Platform, record.Platform.DisplayName)
		})
	case record.Import != nil:
		r.tally.Imports++
		return r.now(func(tx *store.Tx) error { return tx.RestoreImport(r.ws, *record.Import) })
	case record.Tombstone != nil:
		r.tally.Tombstones++
		r.waiting.tombstones = append(r.waiting.tombstones, *record.Tombstone)
	case record.Deletion != nil:
		r.tally.Deletions++
		r.waiting.deletions = append(r.waiting.deletions, *record.Deletion)
	default:
		return fault.Invalidf("a line of the file has nothing that this version of Lethe knows; restore it with a newer one")
	}
	return nil
}

func (r *restoring) part(p chat.StoredPart) error {
	r.tally.Messages += len(p.Turns)
	if p.From > 0 {
		return r.now(func(tx *store.Tx) error { return tx.RestoreMessages(r.ws, p) })
	}
	r.tally.Conversations++
	r.waiting.conversations = append(r.waiting.conversations, p)
	for _, m := range p.Turns {
		r.waiting.text += len(m.Text) + messageWeight
	}
	return nil
}

// now stores what waits, and something else after it.
func (r *restoring) now(fn func(*store.Tx) error) error {
	if err := r.flush(); err != nil {
		return err
	}
	return r.store.InTx(r.ctx, fn)
}

// flush stores what waits in one transaction.
func (r *restoring) flush() error {
	b := r.waiting
	r.waiting = batch{}
	if len(b.conversations)+len(b.tombstones)+len(b.deletions) == 0 {
		return nil
	}
	ws := r.ws
	err := r.store.InTx(r.ctx, func(tx *store.Tx) (err error) {
		if r.ws == 0 {
			if ws, err = tx.RestoreDeletedWorkspace(b.deletions[0].ID); err != nil {
				return err
			}
		}
		if err := tx.RestoreConversations(ws, b.conversations); err != nil {
			return err
		}
		if err := tx.RestoreTombstones(ws, b.tombstones); err != nil {
			return err
		}
		return tx.RestoreDeletions(ws, b.deletions)
	})
	r.ws = ws
	if err == nil && r.seen != nil {
		r.seen(r.tally)
	}
	return err
}

// sorted yields a map in the order of its keys.
func sorted[K cmp.Ordered, V any](m map[K]V) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}
