package history

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// ImportSilence is how long a running import may send nothing before it counts as stopped.
const ImportSilence = time.Minute

// emptyImportsStay is how long the record of an import that stored nothing is kept.
const emptyImportsStay = 30 * 24 * time.Hour

// ImportReport is the progress of a client that reads a file itself. Zero values change nothing.
type ImportReport struct {
	BytesRead int64
	Format    string
	Found     *chat.ImportReport // nil: no change
}

func (r ImportReport) step() store.ImportStep {
	return store.ImportStep{BytesRead: max(r.BytesRead, 0), Format: r.Format, Report: r.Found}
}

// ImportEnd is how a client ends its import.
type ImportEnd struct {
	State  chat.ImportState // StateDone, StateFailed or StateStopped
	Reason string           // why it failed or was stopped; contains no text of messages
}

// Fed is the result of storing one part of an import.
type Fed struct {
	Import   chat.Import // its record after the part
	Problems []Problem   // of this part; none when the part had been stored before
}

func (f *Fed) problem(at Read, err error) { f.Problems = addProblem(f.Problems, at, err) }

// beginImport is Access.BeginImport.
func (h *History) beginImport(ctx context.Context, ws chat.WorkspaceID, n NewImport) (i chat.Import, err error) {
	id := chat.NewID()
	row := n.row(id, chat.StateReceiving)
	row.Fed = !n.Here
	err = h.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.BeginImport(ws, row); err != nil {
			return err
		}
		if err := tx.MoveImport(ws, id, store.ImportStep{Format: n.Format}); err != nil {
			return err
		}
		i, err = tx.Import(ws, id)
		return err
	})
	return i, err
}

// feedImport is Access.FeedImport.
func (h *History) feedImport(ctx context.Context, ws chat.WorkspaceID, id string, part int, reads iter.Seq[Read]) (Fed, error) {
	if part < 1 {
		return Fed{}, fault.Breaks(fault.At("part"), "must be at least 1")
	}
	before, err := h.importByID(ctx, ws, id)
	switch {
	case err != nil:
		return Fed{}, err
	case !before.State.Running():
		return Fed{}, store.ErrImportEnded
	}
	var fed Fed
	step := &importStep{id: before.ID, move: store.ImportStep{Part: part}}
	var valid []chat.ValidUpload
	var from []Read // the place of each conversation in the file
	for read := range reads {
		parts, removed, err := h.validated(read)
		for _, r := range removed {
			fed.problem(read, r)
		}
		switch {
		case fault.Is(err, fault.Invalid):
			step.move.Counts.Failed++
			fed.problem(read, err)
		case err != nil:
			return Fed{}, err
		case len(valid) >= MaxDelivery:
			return Fed{}, fault.New(fault.TooLarge, "a part has at most %d conversations; send the rest in the next part", MaxDelivery)
		default:
			valid = append(valid, parts...)
			from = append(from, slices.Repeat([]Read{{Line: read.Line, Place: read.Place}}, len(parts))...)
		}
	}
	if len(valid) > 0 {
		var delivered Delivered
		delivered, err = h.deliver(ctx, ws, valid, Delivery{KeepDeleted: !before.Restores, job: step})
		for i, refused := range delivered.Refused {
			if refused != nil {
				fed.problem(from[i], refused)
			}
		}
	} else {
		err = h.store.InTx(ctx, func(tx *store.Tx) error { return tx.MoveImport(ws, before.ID, step.move) })
	}
	if errors.Is(err, store.ErrPartStored) {
		fed.Problems, err = nil, nil
	}
	if err != nil {
		return Fed{}, err
	}
	fed.Import, err = h.importByID(ctx, ws, before.ID)
	return fed, err
}

// reportImport is Access.ReportImport and, with an end, Access.FinishImport.
func (h *History) reportImport(ctx context.Context, ws chat.WorkspaceID, id string, r ImportReport, end *ImportEnd) (i chat.Import, err error) {
	if end != nil && end.State != chat.StateDone && end.State != chat.StateFailed && end.State != chat.StateStopped {
		return chat.Import{}, fault.Breaks(fault.At("state"), "must be %s, %s or %s", chat.StateDone, chat.StateFailed, chat.StateStopped)
	}
	id, ok := chat.ParseID(id)
	if !ok {
		return chat.Import{}, fault.Missing("import")
	}
	in := h.store.InTx
	if end != nil {
		in = h.store.InDeletingTx
	}
	err = in(ctx, func(tx *store.Tx) (err error) {
		if err := tx.MoveImport(ws, id, r.step()); err != nil {
			return err
		}
		if end != nil {
			if err := tx.EndImport(ws, id, end.State, chat.Plain(end.Reason)); err != nil {
				return err
			}
		}
		i, err = tx.Import(ws, id)
		return err
	})
	h.tellImport(ws)
	if end != nil && errors.Is(err, store.ErrImportEnded) {
		i, err = h.endedBefore(ctx, ws, id, end.State)
	}
	return i, err
}

// endedBefore returns an import that has already ended in this state.
func (h *History) endedBefore(ctx context.Context, ws chat.WorkspaceID, id string, state chat.ImportState) (chat.Import, error) {
	i, err := h.importByID(ctx, ws, id)
	same := i.State == state || state == chat.StateDone && i.State == chat.StateIndexing
	if err == nil && !same {
		err = store.ErrImportEnded
	}
	return i, err
}

// stopImport is Access.StopImport.
func (h *History) stopImport(ctx context.Context, ws chat.WorkspaceID, id string) (chat.Import, error) {
	id, ok := chat.ParseID(id)
	if !ok {
		return chat.Import{}, fault.Missing("import")
	}
	err := h.store.InDeletingTx(ctx, func(tx *store.Tx) error { return tx.EndImport(ws, id, chat.StateStopped, "it was stopped on request") })
	if err != nil && !errors.Is(err, store.ErrImportEnded) {
		return chat.Import{}, err
	}
	h.tellImport(ws)
	h.importing.Range(func(key, _ any) bool {
		if i := key.(*Importing); i.id == id { //nolint:forcetypeassert // nothing else is stored there
			i.cancel(errStopped)
		}
		return true
	})
	return h.importByID(ctx, ws, id)
}

// errStopped is the error of an import that a caller stopped.
var errStopped = fault.New(fault.Conflict, "the import was stopped on request; what it stored before stays")

// StopAbandonedImports stops the imports that nobody works on any more: their program has ended, or they were silent
// for ImportSilence. Before that it records the ends that could not be recorded yet. It returns how many imports it
// stopped. The service calls it about every second.
func (h *History) StopAbandonedImports(ctx context.Context) (int, error) {
	if err := h.recordEnds(ctx); err != nil {
		return 0, err
	}
	holders, err := h.store.EndedImporters(ctx)
	if err != nil {
		return 0, err
	}
	abandoned := store.Abandoned{Holders: holders, Since: h.now().Add(-ImportSilence)}
	imports, err := h.store.View(ctx).AbandonedImports(abandoned)
	if err != nil {
		return 0, err
	}
	stopped := 0
	for _, i := range imports {
		var done bool
		err := h.store.InDeletingTx(ctx, func(tx *store.Tx) (err error) {
			done, err = tx.StopAbandoned(i, abandoned, "the program that ran it, or the client that sent it, went away before its end")
			return err
		})
		if err != nil {
			return stopped, err
		}
		if done {
			stopped++
		}
	}
	return stopped, nil
}

// ForgetEmptyImports deletes the records of imports that stored nothing and ended more than 30
// days ago. The service calls it now and then.
func (h *History) ForgetEmptyImports(ctx context.Context) error {
	return h.store.InDeletingTx(ctx, func(tx *store.Tx) error { return tx.ForgetEmptyImports(h.now().Add(-emptyImportsStay)) })
}
