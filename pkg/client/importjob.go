package client

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/lethe-chat/lethe/pkg/api"
)

// ImportJob is an import whose file this client reads: it sends the conversations in parts, and
// the service records how far it is. While it runs, the job tells the service every few seconds
// that it goes on. Send and Finish are for one goroutine.
type ImportJob struct {
	client *Client
	id     string
	part   int

	cancel  context.CancelCauseFunc
	context context.Context //nolint:containedctx // it ends with the job
	beats   sync.WaitGroup

	mu    sync.Mutex
	found api.ImportProgress
}

// heartbeat is how often a job tells the service that it goes on. The service waits for a
// minute.
const heartbeat = 5 * time.Second

// lostTries is how often a request of a job is sent again whose answer was lost.
const lostTries = 5

// StartImport begins an import. Finish must be called, also after an error of Send.
func (c *Client) StartImport(ctx context.Context, begin api.ImportBegin) (*ImportJob, error) {
	begun, err := Decode[api.Import](c.raw.BeginImport(ctx, begin))
	if err != nil {
		return nil, err
	}
	j := &ImportJob{client: c, id: begun.ID}
	j.context, j.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	j.beats.Go(j.beat)
	return j, nil
}

// ID is the id of the import.
func (j *ImportJob) ID() string { return j.id }

// Ended is closed when the import ends: when Finish was called, or when the service said that
// it was stopped. Why tells which.
func (j *ImportJob) Ended() <-chan struct{} { return j.context.Done() }

// Why returns the service's *Error when it has stopped the import; nil before.
func (j *ImportJob) Why() error {
	if cause := context.Cause(j.context); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// Progress sets what the next heartbeat tells: all that was found so far.
func (j *ImportJob) Progress(found api.ImportProgress) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.found = found
}

func (j *ImportJob) progress() api.ImportProgress {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.found
}

func (j *ImportJob) beat() {
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-j.context.Done():
			return
		case <-ticker.C:
		}
		_, err := Decode[api.Import](j.client.raw.ReportImport(j.context, j.id, j.progress()))
		if hasEnded(err) {
			j.cancel(err)
		}
	}
}

// hasEnded reports whether the service said that an import does not go on.
func hasEnded(err error) bool {
	var refused *Error
	return errors.As(err, &refused) && (refused.Status == http.StatusConflict || refused.Status == http.StatusNotFound || refused.Status == http.StatusUnauthorized)
}

// Send stores a part of the file: up to 1,000 lines, each of which is an UploadRequest as JSON,
// and up to 50 MB. When the connection breaks it sends the part again; the service stores it
// once. The answer says how far the import is, and what could not be stored of this part.
func (j *ImportJob) Send(ctx context.Context, lines []byte) (api.ImportPartAnswer, error) {
	j.part++
	answer, err := repeated(ctx, func() (api.ImportPartAnswer, error) {
		params := &api.FeedImportParams{Part: text(strconv.Itoa(j.part))}
		return Decode[api.ImportPartAnswer](j.client.raw.FeedImportWithBody(ctx, j.id, params, "application/x-ndjson", bytes.NewReader(lines)))
	})
	if err != nil {
		j.part-- // the caller may send it again
	}
	if hasEnded(err) {
		j.cancel(err)
	}
	return answer, err
}

// Finish ends the import, and says how.
func (j *ImportJob) Finish(ctx context.Context, end api.ImportFinish) (api.Import, error) {
	j.cancel(nil)
	j.beats.Wait()
	return repeated(ctx, func() (api.Import, error) {
		return Decode[api.Import](j.client.raw.FinishImport(ctx, j.id, end))
	})
}

// repeated calls fn again when the connection broke, with growing pauses in between.
func repeated[T any](ctx context.Context, fn func() (T, error)) (T, error) {
	for try := 0; ; try++ {
		answer, err := fn()
		var refused *Error
		if err == nil || errors.As(err, &refused) || try == lostTries || ctx.Err() != nil {
			return answer, err
		}
		if pause(ctx, min(firstWait<<try, longestWait)) != nil {
			return answer, err
		}
	}
}

// StopImport stops a running import, whoever runs it. What it has stored stays.
func (c *Client) StopImport(ctx context.Context, id string) (api.Import, error) {
	return Decode[api.Import](c.raw.StopImport(ctx, id))
}
