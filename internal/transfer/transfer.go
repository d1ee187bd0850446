// Package transfer imports the conversations of export files: it reads a source with package exports, sends what it
// has read in parts while it continues to read, and counts the results for each file. It does not know where the
// conversations are stored, and prints nothing.
package transfer

import (
	"context"
	"errors"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports"
	"github.com/lethe-chat/lethe/internal/exports/container"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/fault"
)

// Destination stores an import. Its methods are called one after the other, except that parts
// are filled while another one is being sent.
type Destination interface {
	// Begin records the import and returns its id.
	Begin(ctx context.Context) (id string, err error)
	// NewPart returns an empty part.
	NewPart() Part
	// Report sets the progress of reading. It does not wait.
	Report(bytes int64, found chat.ImportReport)
	// Finish records how the import has ended.
	Finish(ctx context.Context, end End) error
}

// Part is a group of conversations that are stored together.
type Part interface {
	// Add adds a conversation and returns the size of the part in bytes. After an Invalid fault, this conversation
	// cannot be stored, and the part is unchanged.
	Add(u chat.Upload, at format.Place) (bytes int, err error)
	// Send stores the conversations. It is called once.
	Send(ctx context.Context) (Delivered, error)
}

// Delivered is the state of an import after a part.
type Delivered struct {
	Counts   chat.ImportCounts // totals of all parts so far
	Ready    int               // how many of the new and changed conversations search finds
	Pending  int               // how many of them are not indexed yet
	Problems []chat.ImportProblem
}

// End is how an import has ended.
type End struct {
	State  chat.ImportState // StateDone, StateFailed or StateStopped
	Reason string           // why it failed or was stopped
	Bytes  int64            // that were read
	Format string
	Found  chat.ImportReport
}

// Limits of a part.
const (
	partConversations = 250
	partBytes         = 6 << 20
	ownRows           = 20  // number of files whose conversations are sent separately from those of other files
	sharedRow         = 100 // conversations of several files that are sent together
)

// finishPatience is the time limit for recording the end of an import; shorter after an interrupt.
const (
	finishPatience = 30 * time.Second
	stopPatience   = time.Second
)

// Run reads sources and sends their conversations. It updates tracker, which may be nil. The result has the counts of
// each file that Run came to, also after an error. The errors are those of exports.Read, of the destination, and of
// the context.
func Run(ctx context.Context, sources []*container.Source, o exports.Options, to Destination, tracker *Tracker) (*Result, error) {
	caller := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if tracker == nil {
		tracker = NewTracker()
	}
	id, err := to.Begin(ctx)
	if err != nil {
		return &Result{}, err
	}
	r := &run{ctx: ctx, cancel: cancel, to: to, tracker: tracker, result: &Result{ImportID: id}, queue: make(chan shipment, 1), sent: make(chan struct{})}
	tracker.begin(sources)
	go r.send()
	err = r.read(sources, o)
	if err == nil {
		err = r.flush()
	}
	close(r.queue)
	<-r.sent
	if r.failure != nil { // this is also why the reading ended
		err = r.failure
	}
	return r.result, r.finish(err, caller.Err() != nil)
}

// run is one call of Run.
type run struct {
	ctx     context.Context //nolint:containedctx // it ends with the call
	cancel  context.CancelCauseFunc
	to      Destination
	tracker *Tracker
	result  *Result

	part  Part
	added int
	bytes int
	row   *row
	rows  []*row

	queue   chan shipment
	sent    chan struct{} // closed when sending has ended
	failure error         // error of sending; valid when sent is closed
}

// shipment is a part that is being sent.
type shipment struct {
	part Part
	row  *row
}

// row is a group of files whose conversations are sent together, so that their counts are those of the parts.
type row struct {
	members []string
	counts  chat.ImportCounts // of the parts that were sent
	taken   int
	failed  int // conversations that no part accepted
}

// read reads every source. A source without anything to import does not stop the other sources; its error is
// returned.
func (r *run) read(sources []*container.Source, o exports.Options) error {
	var errs []error
	for _, source := range sources {
		o.Progress = func(p exports.Progress) {
			r.tracker.reading(p)
			r.to.Report(r.tracker.Now().Bytes, chat.ImportReport{})
		}
		report, err := exports.Read(r.ctx, source, o, r.take)
		r.result.add(report)
		r.tracker.next()
		if r.ctx.Err() != nil {
			return context.Cause(r.ctx)
		}
		if err != nil && !fault.Is(err, fault.Invalid) {
			return err
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// take adds a conversation to the current part.
func (r *run) take(c format.Conversation) error {
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	if err := r.enter(c.Place.Member); err != nil {
		return err
	}
	if r.part == nil {
		r.part = r.to.NewPart()
	}
	n, err := r.part.Add(c.Upload, c.Place)
	if fault.Is(err, fault.Invalid) {
		r.row.failed++
		r.result.unsendable(c.Place, err)
		return nil
	}
	if err != nil {
		return err
	}
	r.row.taken++
	r.added, r.bytes = r.added+1, n
	if r.added < partConversations && r.bytes < partBytes {
		return nil
	}
	return r.flush()
}

// enter makes the row of a file the current one. The first files and large ones have rows of their own; small ones
// share rows.
func (r *run) enter(member string) error {
	if r.row != nil {
		last := r.row.members[len(r.row.members)-1]
		switch {
		case last == member:
			return nil
		case len(r.rows) >= ownRows && r.row.taken < sharedRow:
			r.row.members = append(r.row.members, member)
			return nil
		}
	}
	if err := r.flush(); err != nil {
		return err
	}
	r.row = &row{members: []string{member}}
	r.rows = append(r.rows, r.row)
	return nil
}

// flush passes the current part to send. It waits while another part is already waiting.
func (r *run) flush() error {
	if r.added == 0 {
		return nil
	}
	full := shipment{r.part, r.row}
	r.part, r.added, r.bytes = nil, 0, 0
	select {
	case r.queue <- full:
		return nil
	case <-r.ctx.Done():
		return context.Cause(r.ctx)
	}
}

// send sends one part after the other.
func (r *run) send() {
	defer close(r.sent)
	var before chat.ImportCounts
	for s := range r.queue {
		if r.failure != nil || r.ctx.Err() != nil {
			continue
		}
		delivered, err := s.part.Send(r.ctx)
		if err != nil {
			r.failure = err
			if cause := context.Cause(r.ctx); cause != nil {
				r.failure = cause
			}
			r.cancel(err)
			continue
		}
		s.row.counts = s.row.counts.Add(minus(delivered.Counts, before))
		before = delivered.Counts
		r.result.deliveryProblems(delivered.Problems)
		r.tracker.delivered(delivered)
	}
}

func minus(a, b chat.ImportCounts) chat.ImportCounts {
	return chat.ImportCounts{
		New: a.New - b.New, Updated: a.Updated - b.Updated, Unchanged: a.Unchanged - b.Unchanged,
		LeftDeleted: a.LeftDeleted - b.LeftDeleted, Excluded: a.Excluded - b.Excluded,
		Skipped: a.Skipped - b.Skipped, Failed: a.Failed - b.Failed,
	}
}

// finish records the end of the import and completes the result. interrupted means that the caller ended it.
func (r *run) finish(err error, interrupted bool) error {
	end := End{State: chat.StateDone, Bytes: r.tracker.Now().Bytes, Format: r.result.format(), Found: r.result.report()}
	patience := finishPatience
	switch {
	case err == nil:
	case interrupted:
		end.State, end.Reason = chat.StateStopped, "it was interrupted"
		patience = stopPatience
	default:
		end.State, end.Reason = chat.StateFailed, fault.Message(err)
	}
	r.result.State = string(end.State)
	r.result.complete(r.rows, r.tracker.Now())
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), patience)
	defer cancel()
	if ended := r.to.Finish(ctx, end); ended != nil && err == nil {
		return ended
	}
	return err
}
