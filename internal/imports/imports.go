// Package imports stores the conversations of files that are sent to the service. A file that cannot be read while it
// arrives is first written to a temporary file. Package exports reads the file; this package passes the conversations
// to an import of package history and records its progress. It knows no HTTP, no store and no format.
package imports

import (
	"bufio"
	"context"
	"io"
	"iter"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lethe-chat/lethe/internal/exports"
	"github.com/lethe-chat/lethe/internal/exports/container"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/history"
)

// Options are the parts that an Importer uses.
type Options struct {
	// History stops imports that nobody works on any more. It may be nil in tests.
	History *history.History
	// Folder is where files are stored while they are read; empty means the system's folder for temporary files. It
	// is created when it is needed.
	Folder string
	Logger *slog.Logger // nothing is logged when nil
	// Formats are formats that are tried before the known ones; for tests.
	Formats []format.Format
}

// Importer imports files. It is safe for concurrent use.
type Importer struct {
	o       Options
	context context.Context //nolint:containedctx // for imports in the background: it ends with the service
	stop    context.CancelCauseFunc
	running sync.WaitGroup
	slots   chan struct{} // one for each import that may be read in the background at the same time
}

// inBackground is how many imports are read in the background at the same time. Others wait.
const inBackground = 2

// New returns an Importer, and removes the temporary files of programs that were killed.
func New(o Options) *Importer {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	i := &Importer{o: o, slots: make(chan struct{}, inBackground)}
	i.context, i.stop = context.WithCancelCause(context.Background())
	if n := removeLeftovers(o.Folder); n > 0 {
		o.Logger.Info("imports: removed the temporary files of imports that were cut off", "files", n)
	}
	return i
}

// File is a file that was sent.
type File struct {
	ImportID       string // of an import that goes on with this file; empty for a new one
	Name           string // the sender's name for it; may be empty
	Size           int64  // bytes; 0 when unknown
	Format         string // a name from the table of package exports; empty: it is detected
	RestoreDeleted bool
	Body           io.Reader

	// Lines reads a file in Lethe's own format.
	Lines func(ctx context.Context, body io.Reader) iter.Seq[history.Read]
	// IsLines treats a file of an unknown format as Lethe's own, because the sender said that it is.
	IsLines bool
}

// headBytes is how much of a file is read to detect its format.
const headBytes = 64 << 10

// Import stores the conversations of a file and returns when that is done. Lethe's own format is stored while it
// arrives; any other file is stored in a temporary file first. It returns the counts of the import, and the error
// that prevented reading to the end of the file. What was stored before an error stays.
func (i *Importer) Import(ctx context.Context, access history.Access, f File) (history.Imported, error) {
	job, err := access.StartImport(ctx, i.begun(f))
	if err != nil {
		return history.Imported{}, err
	}
	body := &meter{ctx: job.Context(), from: f.Body, moved: func(n int64) { job.Progress(n, nil) }}
	arriving := bufio.NewReaderSize(body, headBytes)
	if i.ownLines(arriving, f) {
		return i.lines(job, f, struct{ io.Reader }{arriving}) // not the buffer itself, so that lines are counted when they are read
	}
	kept, err := i.keep(arriving, f)
	if err != nil {
		return job.End(err)
	}
	defer kept.discard()
	return i.read(job, f, kept)
}

// Begin takes a file as Import does, but returns when it has arrived. Its conversations are stored in the background.
// The id is that of the import, whose record has the progress. After an error the import has ended.
func (i *Importer) Begin(ctx context.Context, access history.Access, f File) (id string, err error) {
	if i.context.Err() != nil {
		return "", context.Cause(i.context)
	}
	whole, cancel := context.WithCancelCause(i.context)
	job, err := access.StartImport(whole, i.begun(f))
	if err != nil {
		cancel(nil)
		return "", err
	}
	arrived := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	body := &meter{ctx: job.Context(), from: f.Body, moved: func(n int64) { job.Progress(n, nil) }}
	kept, err := i.keep(body, f)
	if !arrived() && err == nil { // the sender disconnected after the last byte
		kept.discard()
		err = context.Cause(ctx)
	}
	if err != nil {
		_, err = job.End(err)
		cancel(nil)
		return job.ID(), err
	}
	i.running.Go(func() {
		defer cancel(nil)
		defer kept.discard()
		if _, err := i.inBackground(job, f, kept); err != nil {
			i.o.Logger.Info("imports: an import did not come to its end", "import", job.ID(), "error", err)
		}
	})
	return job.ID(), nil
}

// inBackground reads a file that has arrived, as soon as a slot is free.
func (i *Importer) inBackground(job *history.Importing, f File, kept *kept) (history.Imported, error) {
	select {
	case i.slots <- struct{}{}:
		defer func() { <-i.slots }()
	case <-job.Context().Done():
		return job.End(context.Cause(job.Context()))
	}
	if start := bufio.NewReaderSize(kept.reader(), headBytes); i.ownLines(start, f) {
		if err := job.Reading(); err != nil {
			return job.End(err)
		}
		return i.lines(job, f, &meter{ctx: job.Context(), from: kept.reader(), moved: func(int64) {}})
	}
	return i.read(job, f, kept)
}

func (i *Importer) begun(f File) history.NewImport {
	return history.NewImport{ID: f.ImportID, FileName: f.Name, FileSize: f.Size, Format: f.Format, RestoreDeleted: f.RestoreDeleted}
}

// lines stores a file in Lethe's own format.
func (i *Importer) lines(job *history.Importing, f File, body io.Reader) (history.Imported, error) {
	job.Format(ownFormat)
	for read := range f.Lines(job.Context(), body) {
		if err := job.Take(read); err != nil {
			return job.End(err)
		}
	}
	return job.End(nil)
}

// read stores a file that has arrived.
func (i *Importer) read(job *history.Importing, f File, kept *kept) (history.Imported, error) {
	if err := job.Reading(); err != nil {
		return job.End(err)
	}
	name := f.Name
	if name == "" {
		name = "the file"
	}
	source := container.OpenFile(container.Options{Temp: i.o.Folder}, name, kept, kept.size)
	options := exports.Options{
		Format: f.Format, Formats: i.o.Formats,
		Progress: func(p exports.Progress) { job.Progress(p.Bytes, nil) },
	}
	report, err := exports.Read(job.Context(), source, options, func(c format.Conversation) error {
		return job.Take(history.Read{Upload: c.Upload, Place: placeOf(c.Place)})
	})
	job.Format(formatOf(f, report))
	found := reportOf(report)
	job.Found(found)
	job.Progress(kept.size, &found)
	return job.End(err)
}

// How often the importer looks for imports that nobody works on any more, and for old records.
const (
	lookEvery   = time.Second
	forgetEvery = time.Hour
	lookTime    = 30 * time.Second
)

// Run stops imports that nobody works on any more until ctx ends. Then it ends the imports in the background and
// waits until they have recorded their end.
func (i *Importer) Run(ctx context.Context) {
	look, forget := time.NewTicker(lookEvery), time.NewTicker(forgetEvery)
	defer look.Stop()
	defer forget.Stop()
	var failing atomic.Bool
	for {
		select {
		case <-ctx.Done():
			i.stop(history.ErrStopping)
			i.running.Wait()
			return
		case <-look.C:
			i.bounded(ctx, &failing, func(ctx context.Context) error {
				n, err := i.o.History.StopAbandonedImports(ctx)
				if n > 0 {
					i.o.Logger.Info("imports: imports that nobody worked on any more are recorded as stopped", "imports", n)
				}
				return err
			})
		case <-forget.C:
			i.bounded(ctx, &failing, i.o.History.ForgetEmptyImports)
		}
	}
}

// bounded calls fn with a time limit, and logs the first of several errors in a row.
func (i *Importer) bounded(ctx context.Context, failing *atomic.Bool, fn func(context.Context) error) {
	limited, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	err := fn(limited)
	if failed := failing.Swap(err != nil); err != nil && !failed && ctx.Err() == nil {
		i.o.Logger.Warn("imports: the records of imports cannot be looked through at the moment", "error", err)
	}
}

// keep writes an arriving file to a temporary file.
func (i *Importer) keep(from io.Reader, f File) (*kept, error) {
	if i.o.Folder != "" {
		if err := os.MkdirAll(i.o.Folder, 0o700); err != nil {
			return nil, fault.Wrap(fault.Unavailable, err, "the folder for files that are imported cannot be made")
		}
	}
	return keep(i.o.Folder, from, f.Size)
}

// meter is a reader that ends with its context and reports how many bytes were read.
type meter struct {
	ctx   context.Context //nolint:containedctx // it ends the reader
	from  io.Reader
	n     int64
	moved func(n int64)
	err   error // the error that ended it, which every later Read returns
}

// Read returns the cause of the context after the context has ended.
func (m *meter) Read(p []byte) (n int, err error) {
	switch {
	case m.err != nil:
		return 0, m.err
	case m.ctx.Err() != nil:
		return 0, context.Cause(m.ctx)
	}
	n, m.err = m.from.Read(p)
	m.n += int64(n)
	m.moved(m.n)
	return n, m.err
}
