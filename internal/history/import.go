package history

import (
	"context"
	"iter"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
)

// FileKind is the kind of an import from a file.
const FileKind = "file"

// Read is a conversation from a file, or the error at its place.
type Read struct {
	Upload chat.Upload
	Line   int   // where it begins, from 1
	Err    error // Invalid: this one cannot be stored; anything else ends the import
}

// Imported is the result of importing a file.
type Imported struct {
	ImportID      string    // empty when nothing of it was stored
	Conversations int       // stored, or there already
	Deleted       int       // left out because they were deleted before
	Excluded      int       // refused because they were deleted with that wish
	Failed        int       // not stored because something is wrong with them
	Problems      []Problem // also what was left out of a conversation that is stored
}

// Problem is an error at one place of a file.
type Problem struct {
	Line int
	Err  error // Invalid
}

// maxImportProblems is how many problems the answer lists. All are counted.
const maxImportProblems = 20

// Limits of what is held in memory and stored in one transaction.
const (
	importBatch     = 200
	importBatchText = 8 << 20 // bytes
)

// importFile is Access.ImportFile.
func (h *History) importFile(ctx context.Context, ws chat.WorkspaceID, file iter.Seq[Read], restoreDeleted bool) (Imported, error) {
	i := importer{h: h, ws: ws, how: Delivery{ImportID: chat.NewID(), Kind: FileKind, KeepDeleted: !restoreDeleted}}
	for read := range file {
		if err := i.take(ctx, read); err != nil {
			return i.done, err
		}
	}
	return i.done, i.flush(ctx)
}

// importer collects conversations until there are enough for a transaction.
type importer struct {
	h       *History
	ws      chat.WorkspaceID
	how     Delivery
	waiting []chat.ValidUpload
	text    int
	done    Imported
}

func (i *importer) take(ctx context.Context, read Read) error {
	err := read.Err
	var valid chat.ValidUpload
	if err == nil {
		for _, removed := range read.Upload.Repair() {
			i.problem(read, fault.Invalidf("%s", removed))
		}
		valid, err = read.Upload.Validate(i.h.now())
	}
	switch {
	case fault.Is(err, fault.Invalid):
		i.done.Failed++
		i.problem(read, err)
		return nil
	case err != nil: // what was read before it is as good as ever
		if stored := i.flush(ctx); stored != nil {
			return stored
		}
		return err
	}
	i.waiting = append(i.waiting, valid)
	i.text += valid.TextBytes()
	if len(i.waiting) < importBatch && i.text < importBatchText {
		return nil
	}
	return i.flush(ctx)
}

// problem remembers what is wrong at a place of the file.
func (i *importer) problem(at Read, err error) {
	if len(i.done.Problems) < maxImportProblems {
		i.done.Problems = append(i.done.Problems, Problem{Line: at.Line, Err: err})
	}
}

func (i *importer) flush(ctx context.Context) error {
	if len(i.waiting) == 0 {
		return nil
	}
	delivered, err := i.h.deliver(ctx, i.ws, i.waiting, i.how)
	if err != nil {
		return err
	}
	clear(i.waiting) // of the texts nothing stays in memory
	i.waiting, i.text = i.waiting[:0], 0
	for _, c := range delivered.Conversations {
		switch {
		case c.IndexState == chat.Excluded:
			i.done.Excluded++
		case c.IndexState == chat.LeftDeleted:
			i.done.Deleted++
		default:
			i.done.Conversations++
			i.done.ImportID = i.how.ImportID
		}
	}
	return nil
}
