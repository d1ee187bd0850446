package agentsync

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/pkg/api"
)

// Service is where sessions are sent.
type Service interface {
	// ContinueImport stores the conversations of a file, one per line, in the record of the import with this id, which
	// the first call creates. Conversations that were deleted stay deleted. While the import is running, it returns a
	// *client.Error with status 409.
	ContinueImport(ctx context.Context, id, name string, file io.Reader) (api.ImportAnswer, error)
	// Count returns how many conversations are stored.
	Count(ctx context.Context) (int, error)
}

// Options configure a run.
type Options struct {
	Agents []Agent
	State  *State
	// Connect finds the service. It is called again when the service does not answer, because the address may change
	// when the service is restarted. It returns the service's address, or another text that identifies the service.
	Connect func(ctx context.Context) (Service, string, error)
	// Report is called with each event, from one goroutine.
	Report func(Event)
	Once   bool // end when everything is sent
	DryRun bool // read only: send nothing and remember nothing
	Timing Timing
}

// Timing has the pauses of a run. Zero fields have their defaults.
type Timing struct {
	Poll     time.Duration // between two visits of all folders; 30 s
	Settle   time.Duration // after a change, for more of them; 200 ms
	FirstTry time.Duration // before the service is asked again; 1 s, doubled up to LastTry
	LastTry  time.Duration // 1 minute
}

func (t Timing) filled() Timing {
	for _, field := range []struct {
		value     *time.Duration
		otherwise time.Duration
	}{{&t.Poll, 30 * time.Second}, {&t.Settle, 200 * time.Millisecond}, {&t.FirstTry, time.Second}, {&t.LastTry, time.Minute}} {
		if *field.value == 0 {
			*field.value = field.otherwise
		}
	}
	return t
}

// Kind is the kind of an event.
type Kind string

// The kinds of events.
const (
	Sent      Kind = "sent"      // conversations were sent and stored
	Current   Kind = "current"   // everything is sent
	Watching  Kind = "watching"  // the folders are watched
	Unwatched Kind = "unwatched" // some folders cannot be watched, and are visited from time to time
	Problem   Kind = "problem"   // something could not be read or stored
	Waiting   Kind = "waiting"   // the service does not answer, and is asked again later
)

// Event is something that happened. Fields that do not apply are zero. It contains no text
// of chats.
type Event struct {
	Kind          Kind   `json:"kind"`
	Files         int    `json:"files,omitempty"`
	Conversations int    `json:"conversations,omitempty"` // number stored now
	Deleted       int    `json:"deleted,omitempty"`       // number that stay deleted
	Excluded      int    `json:"excluded,omitempty"`
	Failed        int    `json:"failed,omitempty"`
	Folders       int    `json:"folders,omitempty"`
	Place         string `json:"place,omitempty"`
	Text          string `json:"text,omitempty"`
}

// Run sends what is new, then watches the folders until the context ends, which is not an error. With Once it returns
// when everything is sent, or at the first error. It returns Unavailable when the state cannot be written.
func Run(ctx context.Context, o Options) error {
	o.Timing = o.Timing.filled()
	s := &syncer{Options: o, importID: chat.NewID(), entries: map[string]entry{}, tooEarly: map[string]time.Time{}, costly: map[string]bool{}}
	if o.Once || o.DryRun {
		return s.everything(ctx)
	}
	w, err := newWatcher()
	if err != nil {
		return err
	}
	defer w.close()
	err = s.follow(ctx, w)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// syncer is one run.
type syncer struct {
	Options
	service  Service
	importID string // of the one import that has everything this run sends
	files    map[string]sessionFile
	memo     map[string]any // values of readers, for the current visit

	batch   [][]byte // lines that were not sent yet
	bytes   int
	tails   bool             // some lines are from the middle of a file
	done    int              // files whose lines are in the batch, or were sent since the last event
	pruned  bool             // the state has lost files that no longer exist
	entries map[string]entry // of the files whose lines are in the batch

	tooEarly map[string]time.Time // when files that are costly to read may be read again
	costly   map[string]bool      // files in tooEarly that have changed in the meantime
	totals   Event                // of a dry run
}

// everything visits all folders and sends what is new.
func (s *syncer) everything(ctx context.Context) error {
	files, _ := scan(s.Agents)
	s.visit(files)
	if err := s.sendAll(ctx, slices.Sorted(maps.Keys(files))); err != nil {
		return err
	}
	s.tell(Event{Kind: Current, Files: len(files), Conversations: s.totals.Conversations})
	return nil
}

// visit remembers the current files, and forgets those that no longer exist. Nothing is deleted at the service.
func (s *syncer) visit(files map[string]sessionFile) {
	s.files, s.memo = files, map[string]any{}
	for name := range s.State.content.Files {
		if _, there := files[name]; !there && s.ours(name) {
			delete(s.State.content.Files, name)
			s.pruned = true
		}
	}
}

// ours reports whether a file belongs to one of the agents of this run.
func (s *syncer) ours(name string) bool {
	return slices.ContainsFunc(s.Agents, func(a Agent) bool { return rootOf(&a, name) != "" })
}

// sendAll sends what is new in the files. If the service has another database than before, it sends everything.
func (s *syncer) sendAll(ctx context.Context, names []string) error {
	err := s.send(ctx, names)
	for errors.Is(err, errStartOver) {
		s.batch, s.bytes, s.tails, s.entries, s.memo = nil, 0, false, map[string]entry{}, map[string]any{}
		err = s.send(ctx, slices.Sorted(maps.Keys(s.files)))
	}
	return err
}

// send reads the files that have changed and sends what is new in them.
func (s *syncer) send(ctx context.Context, names []string) error {
	for _, name := range names {
		f, known := s.files[name]
		if !known || s.State.content.Files[name].unchanged(f) {
			continue
		}
		if time.Now().Before(s.tooEarly[name]) && !s.Once {
			s.costly[name] = true
			continue
		}
		if s.service == nil && !s.DryRun {
			if err := s.connect(ctx); err != nil {
				return err
			}
		}
		if err := s.read(ctx, f); err != nil {
			return err
		}
	}
	return s.flush(ctx)
}

func (s *syncer) tell(e Event) {
	if s.Report != nil {
		s.Report(e)
	}
}

// calm is how many times longer than reading a file the pause after it is, so that a large database with constant
// changes costs at most 5% of a processor.
const calm = 20

// read reads a file from its mark on and adds the result to the batch.
func (s *syncer) read(ctx context.Context, f sessionFile) error {
	began := time.Now()
	e := s.State.content.Files[f.path]
	m := (&source{s.files, s.memo}).member(f)
	m.From = e.resume(f.path)
	mark := m.From
	s.tails = s.tails || m.From != format.Mark{}
	whole := m.From.Offset == 0
	out := s.out(ctx, &mark, &whole)
	err := f.agent.Format.Read(ctx, m, out)
	if errors.Is(err, format.ErrRewritten) {
		m.From, mark, whole = format.Mark{}, format.Mark{}, true
		err = f.agent.Format.Read(ctx, m, out)
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, new(*sendingError)) || errors.Is(err, errStartOver):
		return err
	case err != nil: // it is read again after its next change
		s.tell(Event{Kind: Problem, Place: shown(f), Text: err.Error()})
	}
	before, err := hashBefore(f.path, mark.Offset)
	if err != nil {
		mark, before = format.Mark{}, ""
	}
	s.entries[f.path] = entry{Size: f.size, Time: f.time, Mark: mark, Before: before}
	s.done++
	if mark.Offset == 0 {
		s.tooEarly[f.path] = time.Now().Add(calm * time.Since(began))
	}
	return nil
}

// out receives what a reader finds: conversations, whole or from the mark on, and the next mark.
func (s *syncer) out(ctx context.Context, mark *format.Mark, whole *bool) *format.Out {
	return &format.Out{
		Take: func(c format.Conversation) error {
			if c.ExternalID == "" {
				return nil
			}
			lines, err := linesOf(c.Upload, *whole)
			if err != nil {
				return err
			}
			s.totals.Conversations++
			for _, line := range lines {
				if err := s.add(ctx, line); err != nil {
					return err
				}
			}
			return nil
		},
		Fail: func(at format.Place, err error) {
			s.tell(Event{Kind: Problem, Place: at.String(), Text: err.Error()})
		},
		Reached: func(m format.Mark) { *mark = m },
	}
}
