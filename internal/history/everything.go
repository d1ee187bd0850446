package history

import (
	"context"
	"iter"
	"time"

	"github.com/lethe-chat/lethe/internal/auth"
	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// Record is one item of an export of everything. One of its fields is set.
type Record struct {
	Beginning *Beginning        // the first record
	Workspace *RecordedSpace    // what follows belongs to this workspace
	Exported  *Exported         // a conversation that is exported
	Part      *chat.StoredPart  // a conversation that is restored, or a part of a long one
	Platform  *RecordedPlatform // a name for people
	Import    *chat.Import
	Tombstone *chat.Tombstone
	Deletion  *chat.Deletion
	End       *Tally // the last record
}

// Beginning is what is known before the first workspace.
type Beginning struct {
	FileID       string // identifies this export
	ExportedAt   time.Time
	TombstoneKey []byte // a secret of the database: the key of the hashes of tombstones
	Workspaces   []string
}

// RecordedSpace is a workspace that is exported or restored.
type RecordedSpace struct {
	Name      string // empty when it was deleted, and only its receipts are left
	CreatedAt time.Time
}

// RecordedPlatform is the name of a platform for people.
type RecordedPlatform struct{ Platform, DisplayName string }

// Tally counts what an export of everything has.
type Tally struct {
	Workspaces, Conversations, Messages, Imports, Tombstones, Deletions int
}

// Pages of an export of everything.
const recordPage = 500

// Everything yields everything that a database keeps for the caller: of all workspaces if the
// caller has the scope admin, otherwise of its own. It includes the receipts and tombstones of
// deletes, and the key of the tombstones' hashes, but no API keys. If it yields an error, it is
// the last item and the export is incomplete.
//
// Conversations are read before tombstones. What is deleted meanwhile may be in the export, but
// then its tombstone is, too, and a restore does not keep it.
func (a Access) Everything(ctx context.Context) iter.Seq2[Record, error] {
	if err := a.May(OpEverything); err != nil {
		return func(yield func(Record, error) bool) { yield(Record{}, err) }
	}
	return func(yield func(Record, error) bool) {
		e := everything{ctx: ctx, h: a.history, who: a.who, view: a.history.store.View(ctx), key: a.history.watchKey(a.who), yield: yield}
		if err := e.all(a.who.Can(auth.Admin)); err != nil && !e.enough {
			yield(Record{}, err)
		}
	}
}

// everything is one call of Access.Everything.
type everything struct {
	ctx    context.Context //nolint:containedctx // it ends with the call
	h      *History
	who    auth.Principal
	view   *store.View
	key    *keyWatch
	yield  func(Record, error) bool
	enough bool // the caller wants no more
	tally  Tally
}

// errEnough ends the export, because the caller wants no more.
var errEnough = fault.New(fault.Canceled, "the export was ended")

func (e *everything) put(r Record) error {
	if e.enough || !e.yield(r, nil) {
		e.enough = true
		return errEnough
	}
	return nil
}

func (e *everything) all(allWorkspaces bool) error {
	spaces, err := e.view.Workspaces()
	if err != nil {
		return err
	}
	begin := Beginning{FileID: chat.NewID(), ExportedAt: e.h.now().UTC(), TombstoneKey: e.view.TombstoneKey()}
	wanted := spaces[:0]
	for _, s := range spaces {
		if allWorkspaces || s.ID == e.who.Workspace {
			wanted = append(wanted, s)
			begin.Workspaces = append(begin.Workspaces, s.Name)
		}
	}
	if err := e.put(Record{Beginning: &begin}); err != nil {
		return err
	}
	for _, s := range wanted {
		if err := e.workspace(s); err != nil {
			return err
		}
	}
	if allWorkspaces {
		if err := e.deletedWorkspaces(); err != nil {
			return err
		}
	}
	return e.put(Record{End: &e.tally})
}

func (e *everything) workspace(s chat.Workspace) error {
	e.tally.Workspaces++
	if err := e.put(Record{Workspace: &RecordedSpace{Name: s.Name, CreatedAt: s.CreatedAt}}); err != nil {
		return err
	}
	for c, err := range e.h.export(e.ctx, s.ID, e.key, chat.Filter{}) {
		if err != nil {
			return err
		}
		e.tally.Conversations++
		e.tally.Messages += c.Messages
		if err := e.put(Record{Exported: &c}); err != nil {
			return err
		}
	}
	names, err := e.view.PlatformNames(s.ID)
	if err != nil {
		return err
	}
	for platform, name := range sorted(names) {
		if err := e.put(Record{Platform: &RecordedPlatform{platform, name}}); err != nil {
			return err
		}
	}
	if err := e.imports(s.ID); err != nil {
		return err
	}
	if err := e.tombstones(s.ID); err != nil {
		return err
	}
	return e.deletions(s.ID)
}

func (e *everything) deletedWorkspaces() error {
	numbers, err := e.view.DeletedWorkspaces()
	if err != nil {
		return err
	}
	for _, number := range numbers {
		if err := e.put(Record{Workspace: &RecordedSpace{}}); err != nil {
			return err
		}
		if err := e.deletions(number); err != nil {
			return err
		}
	}
	return nil
}

func (e *everything) imports(ws chat.WorkspaceID) error {
	return paged(e, func(last chat.Import) ([]chat.Import, error) {
		return e.view.ImportRecordsAfter(ws, last.ID, recordPage)
	},
		func(i *chat.Import) Record { e.tally.Imports++; return Record{Import: i} })
}

func (e *everything) tombstones(ws chat.WorkspaceID) error {
	return paged(e, func(last chat.Tombstone) ([]chat.Tombstone, error) {
		return e.view.TombstonesAfter(ws, last.ExternalHash, recordPage)
	}, func(t *chat.Tombstone) Record { e.tally.Tombstones++; return Record{Tombstone: t} })
}

func (e *everything) deletions(ws chat.WorkspaceID) error {
	return paged(e, func(last chat.Deletion) ([]chat.Deletion, error) {
		return e.view.DeletionsAfter(ws, last.ID, recordPage)
	},
		func(d *chat.Deletion) Record { e.tally.Deletions++; return Record{Deletion: d} })
}

// paged yields the records of all pages. It checks the caller's key before each page.
func paged[T any](e *everything, after func(last T) ([]T, error), record func(*T) Record) error {
	var last T
	for {
		if err := e.key.check(e.ctx); err != nil {
			return err
		}
		page, err := after(last)
		if err != nil {
			return err
		}
		for i := range page {
			if err := e.put(record(&page[i])); err != nil {
				return err
			}
		}
		if len(page) < recordPage {
			return nil
		}
		last = page[len(page)-1]
	}
}
