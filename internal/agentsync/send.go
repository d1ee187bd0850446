package agentsync

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/lethe-chat/lethe/internal/chat"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/pkg/api"
	"github.com/lethe-chat/lethe/pkg/client"
)

// Limits of what is sent at once.
const (
	batchLines = 200
	batchBytes = 8 << 20
)

// errStartOver says that the service does not have what was sent before, so the end of a conversation must not be
// sent without its beginning.
var errStartOver = errors.New("everything is sent again")

// sendingError ends a run: the service does not answer, or refuses what is sent, for example because of a wrong key.
type sendingError struct{ err error }

// Error returns the text of the service's error.
func (e *sendingError) Error() string { return e.err.Error() }

// Unwrap returns the error of the service.
func (e *sendingError) Unwrap() error { return e.err }

// add adds a line to the batch, and sends the batch when it is large enough.
func (s *syncer) add(ctx context.Context, line []byte) error {
	if s.DryRun {
		return nil
	}
	s.batch = append(s.batch, line)
	s.bytes += len(line)
	if len(s.batch) < batchLines && s.bytes < batchBytes {
		return nil
	}
	return s.deliver(ctx)
}

// flush sends the batch and remembers that its files were read.
func (s *syncer) flush(ctx context.Context) error {
	if s.DryRun {
		s.entries = map[string]entry{}
		return nil
	}
	if err := s.deliver(ctx); err != nil {
		return err
	}
	if len(s.entries) == 0 && !s.pruned {
		return nil
	}
	s.pruned = false
	for name, e := range s.entries {
		s.State.content.Files[name] = e
	}
	s.entries = map[string]entry{}
	return s.State.Save()
}

// deliver sends the batch. When the service does not answer, it tries again after pauses that grow, unless the run is
// to end.
func (s *syncer) deliver(ctx context.Context) error {
	if len(s.batch) == 0 {
		return nil
	}
	for pause := s.Timing.FirstTry; ; pause = min(2*pause, s.Timing.LastTry) {
		answer, err := s.try(ctx)
		if errors.Is(err, errStartOver) {
			return err
		}
		if err == nil {
			s.batch, s.bytes, s.tails = nil, 0, false
			s.delivered(answer)
			return nil
		}
		if err := s.wait(ctx, err, pause); err != nil {
			return err
		}
	}
}

// try sends the batch once.
func (s *syncer) try(ctx context.Context) (api.ImportAnswer, error) {
	if s.service == nil {
		if err := s.find(ctx); err != nil {
			return api.ImportAnswer{}, err
		}
	}
	answer, err := s.service.ContinueImport(ctx, s.importID, importName, s.lines())
	if refused(err, http.StatusConflict) { // the service still works on a request whose answer was lost, or somebody stopped the import
		s.importID = chat.NewID()
		answer, err = s.service.ContinueImport(ctx, s.importID, importName, s.lines())
	}
	if err != nil {
		s.service = nil // the service may have another address when it answers again
	}
	return answer, err
}

// importName stands for the name of the file in the record of what a run sends.
const importName = "lethe sync"

// lines returns the batch as a file.
func (s *syncer) lines() io.Reader {
	readers := make([]io.Reader, len(s.batch))
	for i, line := range s.batch {
		readers[i] = bytes.NewReader(line)
	}
	return io.MultiReader(readers...)
}

// delivered reports the service's answer.
func (s *syncer) delivered(a api.ImportAnswer) {
	for _, p := range a.Problems {
		s.tell(Event{Kind: Problem, Text: p.Reason})
	}
	s.tell(Event{
		Kind: Sent, Files: s.done, Conversations: a.Conversations, Deleted: a.Deleted, Excluded: a.Excluded, Failed: a.Failed,
	})
	s.done = 0
}

// connect finds the service, or waits for it.
func (s *syncer) connect(ctx context.Context) error {
	for pause := s.Timing.FirstTry; ; pause = min(2*pause, s.Timing.LastTry) {
		err := s.find(ctx)
		if err == nil || errors.Is(err, errStartOver) {
			return err
		}
		if err := s.wait(ctx, err, pause); err != nil {
			return err
		}
	}
}

// find finds the service. If the service has no conversations although some were sent before, it has another
// database, and everything is sent again. Conversations that were deleted there stay deleted.
func (s *syncer) find(ctx context.Context) error {
	service, name, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	stored, err := service.Count(ctx)
	if err != nil && !refused(err, http.StatusForbidden) { // a key without the scope read cannot count
		return err
	}
	s.service = service
	read := s.State.Files() > 0 || s.tails
	s.State.For(name)
	if err == nil && stored == 0 {
		s.State.Forget()
	}
	if read && s.State.Files() == 0 {
		return errStartOver
	}
	return nil
}

// refused reports whether the service refused a call with this status.
func refused(err error, status int) bool {
	var answered *client.Error
	return errors.As(err, &answered) && answered.Status == status
}

// wait waits until the service may answer again. It returns the error at once if waiting does not help or the run
// does not wait.
func (s *syncer) wait(ctx context.Context, err error, pause time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if s.Once || !helps(err) {
		return &sendingError{err}
	}
	s.tell(Event{Kind: Waiting, Text: fault.Message(err)})
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// helps reports whether waiting may help: the service does not answer, is busy or has an internal error. It does not
// help against a wrong key.
func helps(err error) bool {
	var answered *client.Error
	if errors.As(err, &answered) {
		return answered.Status >= 500 || answered.Status == 429 || answered.Status == 408
	}
	return !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Unauthenticated) && !fault.Is(err, fault.Forbidden)
}
