package history

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/store"
)

// FileKind is the kind of an import from a file.
const FileKind = "file"

// Read is a conversation from a file, or the error in its place.
type Read struct {
	Upload chat.Upload
	Line   int              // first line of it, from 1; 0 when Place is set
	Place  chat.ImportPlace // its place in the source
	Err    error            // Invalid: this one cannot be stored; anything else ends the import
}

func (r Read) place() chat.ImportPlace {
	if r.Line > 0 {
		r.Place.Line = r.Line
	}
	return r.Place
}

// Imported is the result of importing a file.
type Imported struct {
	ImportID      string
	Conversations int       // stored now or before
	Deleted       int       // left out because they were deleted before
	Excluded      int       // refused because they were deleted with the option to exclude them
	Failed        int       // not stored because of an error in them
	Problems      []Problem // includes what was left out of conversations that are stored
}

// Problem is an error at one place of a file.
type Problem struct {
	Line  int
	Place chat.ImportPlace
	Err   error // Invalid
}

// maxImportProblems is how many problems the answer lists. All are counted.
const maxImportProblems = chat.MaxImportProblems

// Limits of one transaction, and of what is in memory for it.
const (
	importBatch     = 200
	importBatchText = 8 << 20 // bytes
)

// NewImport describes an import of a file that is about to begin.
type NewImport struct {
	ID             string // of an earlier import that goes on, or a new id from the client; empty for a new one
	FileName       string // without its folders
	FileSize       int64  // bytes; 0 when unknown
	Format         string // empty when unknown
	RestoreDeleted bool   // also store conversations that were deleted before
	// Here: this program sends the parts itself, so the import is stopped when this program has ended. Otherwise a
	// client sends them, and the import is stopped when the client is silent for ImportSilence.
	Here bool
}

func (n NewImport) row(id string, state chat.ImportState) store.NewImport {
	return store.NewImport{
		Continues: n.ID != "",
		ID:        id, Kind: FileKind, State: state, FileName: chat.FileName(n.FileName), FileSize: max(n.FileSize, 0), Restores: n.RestoreDeleted,
	}
}

// importFile is Access.ImportFile.
func (a Access) importFile(ctx context.Context, file iter.Seq[Read], n NewImport) (Imported, error) {
	i, err := a.startImport(ctx, n)
	if err != nil {
		return Imported{}, err
	}
	for read := range file {
		if err := i.Take(read); err != nil {
			return i.End(err)
		}
	}
	return i.End(nil)
}

// Importing is a running import. It collects conversations until there are enough for a transaction, and records the
// progress of the import. The caller that starts one must call End. Its methods are for one goroutine, except for
// Progress.
type Importing struct {
	h       *History
	ws      chat.WorkspaceID
	id      string
	how     Delivery
	ctx     context.Context //nolint:containedctx // it ends with the import
	cancel  context.CancelCauseFunc
	beats   chan struct{} // closed after the last heartbeat
	waiting []chat.ValidUpload
	from    []Read // the place of each waiting conversation in the file
	text    int
	failed  int // not added to the record yet
	format  string
	done    Imported
	found   []Problem // problems of reading, for the report
	ended   chan struct{}
	earlier int64 // bytes of files before this one
	bytes   atomic.Int64
	report  atomic.Pointer[chat.ImportReport]
}

// How often a running import checks whether it was stopped, and how often it records that it is still running when it
// has nothing else to record.
const (
	importBeat  = time.Second
	importAlive = 10 // beats
)

// startImport is Access.StartImport.
func (a Access) startImport(ctx context.Context, n NewImport) (*Importing, error) {
	h, id := a.history, chat.NewID()
	if n.ID != "" {
		given, ok := chat.ParseID(n.ID)
		if !ok {
			return nil, fault.Invalidf("the id of an import is a UUID such as %s", chat.NewID())
		}
		id = given
	}
	row := n.row(id, chat.StateReceiving)
	var before chat.Import // what an import that goes on has done
	err := h.store.InTx(ctx, func(tx *store.Tx) (err error) {
		if err := tx.BeginImport(a.who.Workspace, row); err != nil || !row.Continues {
			return err
		}
		before, err = tx.Import(a.who.Workspace, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	i := &Importing{
		h: h, ws: a.who.Workspace, id: id, how: Delivery{KeepDeleted: !n.RestoreDeleted}, format: n.Format,
		beats: make(chan struct{}), ended: make(chan struct{}), done: Imported{ImportID: id}, earlier: before.BytesRead,
	}
	i.bytes.Store(i.earlier)
	i.ctx, i.cancel = context.WithCancelCause(ctx)
	h.importing.Store(i, true)
	go i.beat(h.watchKey(a.who))
	return i, nil
}

// ID is the id of the import.
func (i *Importing) ID() string { return i.id }

// Context ends when the import is stopped, when its key is revoked, and when the context ends that the import was
// started with.
func (i *Importing) Context() context.Context { return i.ctx }

// Progress sets how many bytes of the file were read, and what was found in it so far, or nil. The record shows it
// about a second later.
func (i *Importing) Progress(bytesRead int64, report *chat.ImportReport) {
	i.bytes.Store(i.earlier + bytesRead)
	if report != nil {
		bounded := report.Bounded()
		i.report.Store(&bounded)
	}
}

// Reading records that the whole file has arrived and is being read.
func (i *Importing) Reading() error {
	return i.h.store.InTx(i.ctx, func(tx *store.Tx) error {
		return tx.MoveImport(i.ws, i.id, store.ImportStep{State: chat.StateReading})
	})
}

// Format sets the format of the file.
func (i *Importing) Format(name string) { i.format = name }

// beat records the progress of the import until it ends. It ends the import when another caller stopped it.
func (i *Importing) beat(key *keyWatch) {
	defer close(i.beats)
	ticker := time.NewTicker(importBeat)
	defer ticker.Stop()
	var told store.ImportStep
	for quiet := 0; ; {
		select {
		case <-i.ctx.Done():
			return
		case <-ticker.C:
		}
		err := key.check(i.ctx)
		if step := i.step(); err == nil && (step.BytesRead != told.BytesRead || step.Report != told.Report || quiet >= importAlive) {
			err = i.h.store.InTx(i.ctx, func(tx *store.Tx) error { return tx.MoveImport(i.ws, i.id, step) })
			i.h.tellImport(i.ws)
			told, quiet = step, 0
		} else if err == nil {
			var running bool
			running, err = i.h.store.View(i.ctx).ImportRuns(i.ws, i.id)
			if quiet++; err == nil && !running {
				err = store.ErrImportEnded
			}
		}
		switch fault.KindOf(err) {
		case fault.Conflict, fault.NotFound, fault.Unauthenticated: // other errors are temporary, or the next delivery reports them
			i.cancel(err)
			return
		}
	}
}

// Found adds what could not be read to the result of End.
func (i *Importing) Found(r chat.ImportReport) {
	i.done.Failed += r.Unread
	for _, p := range r.Problems {
		i.found = addProblem(i.found, Read{Line: p.Line, Place: p.ImportPlace}, fault.Invalidf("%s", p.Reason))
	}
}

// step returns the progress of the import.
func (i *Importing) step() store.ImportStep {
	return store.ImportStep{BytesRead: i.bytes.Load(), Report: i.report.Load(), Format: i.format}
}

// Take takes the next conversation of the file, or the error in its place. It returns an error when the import must
// end; the caller passes that error to End.
func (i *Importing) Take(read Read) error {
	parts, removed, err := i.h.validated(read)
	for _, r := range removed {
		i.problem(read, r)
	}
	switch {
	case fault.Is(err, fault.Invalid):
		i.failed++
		i.done.Failed++
		i.problem(read, err)
		return nil
	case err != nil:
		return err
	}
	for _, part := range parts {
		i.waiting, i.from = append(i.waiting, part), append(i.from, Read{Line: read.Line, Place: read.Place})
		i.text += part.TextBytes()
		if len(i.waiting) < importBatch && i.text < importBatchText {
			continue
		}
		if err := i.flush(); err != nil {
			return err
		}
	}
	return nil
}

// validated repairs and checks a conversation of a file, and splits a long one into parts that are stored one after
// the other. removed lists what had to be left out.
func (h *History) validated(read Read) (parts []chat.ValidUpload, removed []error, err error) {
	if read.Err != nil {
		return nil, nil, read.Err
	}
	for _, r := range read.Upload.Repair() {
		removed = append(removed, fault.Invalidf("%s", r))
	}
	split := read.Upload.Split(h.parts)
	for _, part := range split {
		valid, err := part.Validate(h.now())
		if err != nil {
			return nil, removed, err
		}
		if len(split) == 1 && valid.From() == 0 { // what is stored is then this and nothing else
			valid = valid.WithSum(read.Upload.Sum())
		}
		parts = append(parts, valid)
	}
	return parts, removed, nil
}

// problem records an error at a place of the file.
func (i *Importing) problem(at Read, err error) {
	i.done.Problems = addProblem(i.done.Problems, at, err)
}

func addProblem(problems []Problem, at Read, err error) []Problem {
	if len(problems) < maxImportProblems {
		problems = append(problems, Problem{Line: at.Line, Place: at.place(), Err: err})
	}
	return problems
}

func (i *Importing) flush() error {
	if len(i.waiting) == 0 {
		return nil
	}
	step := i.step()
	step.Counts.Failed = i.failed
	how := i.how
	how.job = &importStep{id: i.id, move: step}
	delivered, err := i.h.deliver(i.ctx, i.ws, i.waiting, how)
	if err != nil {
		return err
	}
	for n, refused := range delivered.Refused {
		if refused != nil {
			i.done.Failed++
			i.problem(i.from[n], refused)
		}
	}
	clear(i.waiting) // so that the texts do not stay in memory
	i.waiting, i.from, i.text, i.failed = i.waiting[:0], i.from[:0], 0, 0
	i.done.Conversations += delivered.Counts.Stored()
	i.done.Excluded += delivered.Counts.Excluded
	i.done.Deleted += delivered.Counts.LeftDeleted
	return nil
}

// endPatience is the time limit for recording the end of an import.
const endPatience = 10 * time.Second

// End stores what was taken, unless the import was stopped, and records the end of the import. err is why the file
// could not be read to its end, or nil. End returns the counts of the import and the error that ended it.
func (i *Importing) End(err error) (Imported, error) {
	defer func() {
		i.cancel(nil)
		<-i.beats
		i.h.importing.Delete(i)
		close(i.ended)
	}()
	if i.ctx.Err() == nil && !errors.Is(err, store.ErrImportEnded) {
		if stored := i.flush(); stored != nil && err == nil {
			err = stored
		}
	}
	if cause := context.Cause(i.ctx); cause != nil { // report why it was stopped, not that a context ended
		err = cause
	}
	state, reason := endOf(err)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(i.ctx), endPatience)
	defer cancel()
	step := i.step()
	step.Counts.Failed = i.failed
	step.Report = i.finalReport(step.Report)
	end := importEnd{i.ws, i.id, step, state, reason}
	if recorded := i.h.record(ctx, end); recorded != nil {
		i.h.log.WarnContext(ctx, "the end of an import cannot be recorded yet; it will be tried again", "import", i.id, "error", recorded)
		i.h.unrecorded.add(end)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		err = fault.Wrap(fault.Canceled, err, "the request was canceled or took too long")
	}
	done := i.done
	for _, p := range i.found {
		if len(done.Problems) < maxImportProblems {
			done.Problems = append(done.Problems, p)
		}
	}
	return done, err
}

// finalReport adds the problems of storing to those that were found in the file.
func (i *Importing) finalReport(found *chat.ImportReport) *chat.ImportReport {
	report := chat.ImportReport{}
	if found != nil {
		report = *found
	}
	for _, p := range i.done.Problems {
		report.Problems = append(report.Problems, chat.ImportProblem{ImportPlace: p.Place, Reason: fault.Message(p.Err)})
	}
	bounded := report.Bounded()
	return &bounded
}

// endOf returns the final state of an import that ended with an error, and the reason for its record.
func endOf(err error) (chat.ImportState, string) {
	switch {
	case err == nil:
		return chat.StateDone, ""
	case errors.Is(err, context.Canceled):
		return chat.StateStopped, "the client closed the connection before the import ended"
	case fault.Is(err, fault.Canceled), fault.Is(err, fault.Unauthenticated):
		return chat.StateStopped, fault.Message(err)
	default:
		return chat.StateFailed, fault.Message(err)
	}
}

// ErrStopping is the error of imports that end because the service stops.
var ErrStopping = fault.New(fault.Canceled, "the service stopped; send the file again, and only what is missing is stored")

// InterruptImports ends the imports that this program runs, because the service stops. It returns a function that
// waits until they have recorded their end, or until ctx ends. Before the caller calls it, it closes the connections
// that the imports may be reading from.
func (h *History) InterruptImports() (wait func(ctx context.Context)) {
	var all []*Importing
	h.importing.Range(func(key, _ any) bool {
		i := key.(*Importing) //nolint:forcetypeassert // nothing else is stored there
		i.cancel(ErrStopping)
		all = append(all, i)
		return true
	})
	return func(ctx context.Context) {
		for _, i := range all {
			select {
			case <-i.ended:
			case <-ctx.Done():
			}
		}
	}
}

// tellImport publishes that an import of a workspace has changed.
func (h *History) tellImport(ws chat.WorkspaceID) { h.events.Publish(ws) }
