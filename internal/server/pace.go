package server

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// Pace says how slow the other side of a connection may be. Whoever is slower is cut
// off, because a request in flight holds memory and a connection. The zero value of a
// field means its default.
type Pace struct {
	Write   time.Duration // in which 32 KiB of an answer must be taken: 10 s, so at least 3 KiB a second
	Silence time.Duration // how long a body may say nothing: 15 s
	Grace   time.Duration // how long a body is waited for before its rate counts: 10 s
	Rate    int64         // bytes a second that a body must have, of the time that was spent waiting for it: 4 KiB
}

func (p Pace) withDefaults() Pace {
	return Pace{
		Write: cmp.Or(p.Write, 10*time.Second), Silence: cmp.Or(p.Silence, 15*time.Second),
		Grace: cmp.Or(p.Grace, 10*time.Second), Rate: cmp.Or(p.Rate, 4<<10),
	}
}

const (
	writeChunk  = 32 << 10    // bytes of an answer that must be taken within Pace.Write
	discardTime = time.Second // how long the rest of a body is read that nobody wants any more
)

// pace cuts off who takes an answer or sends a body too slowly. Deadlines belong to
// the connection, so each chunk sets its own.
func (s *Server) pace(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		connection := http.NewResponseController(c.Response().Writer)
		c.Response().Writer = &pacedWriter{ResponseWriter: c.Response().Writer, connection: connection, patience: s.options.Pace.Write}
		if r := c.Request(); r.Body != nil && r.Body != http.NoBody {
			ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
			defer cancel()
			body := &pacedBody{
				ReadCloser: r.Body, connection: connection, pace: s.options.Pace, until: time.Now().Add(readTimeout),
				asked: r.Context(), cancel: cancel,
			}
			defer context.AfterFunc(body.asked, body.askedEnded)()
			r = r.WithContext(ctx)
			r.Body = body
			c.SetRequest(r)
			c.Set(bodyKey, body)
		}
		return next(c)
	}
}

// bodyKey is where Echo keeps the body of a request, for those who end it.
const bodyKey = "lethe.body"

// pacedWriter gives each chunk of an answer the time that a slow but willing
// reader needs for it.
type pacedWriter struct {
	http.ResponseWriter
	connection *http.ResponseController
	patience   time.Duration // for each chunk
}

// Unwrap is what http.ResponseController looks for.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write writes chunk by chunk.
func (w *pacedWriter) Write(p []byte) (written int, err error) {
	for {
		chunk := p[written:min(len(p), written+writeChunk)]
		deadline := w.connection.SetWriteDeadline(time.Now().Add(w.patience))
		if deadline != nil && !errors.Is(deadline, http.ErrNotSupported) { // as in tests without a connection
			return written, deadline
		}
		n, err := w.ResponseWriter.Write(chunk)
		written += n
		if err != nil || written == len(p) {
			return written, err
		}
	}
}

// pacedBody ends a body that has stopped, or that comes too slowly. Only the time that
// is spent waiting for it counts, not that of the work between.
type pacedBody struct {
	io.ReadCloser
	connection *http.ResponseController
	pace       Pace
	until      time.Time // when all of it must have come; zero for no limit
	waited     time.Duration
	came       int64
	ended      bool // nothing more will be read

	// net/http ends a request's context when its body could not be read, for whatever
	// reason. When the reason is a deadline of ours, the client is still there: it is to
	// be answered, and what came of its import stored.
	asked   context.Context    //nolint:containedctx // it is net/http's, of this request
	cancel  context.CancelFunc // ends the context that the handlers have
	mu      sync.Mutex         // for the two below
	reading bool
	late    bool // a deadline has ended the body
}

// askedEnded ends the request, unless a read is in progress, which will say why.
func (b *pacedBody) askedEnded() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.reading && !b.late {
		b.cancel()
	}
}

// read reads from the connection. It ends the request when the client has gone away.
func (b *pacedBody) read(p []byte) (int, error) {
	b.mu.Lock()
	b.reading = true
	b.mu.Unlock()
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading = false
	if b.late = b.late || errors.Is(err, os.ErrDeadlineExceeded); !b.late && b.asked.Err() != nil {
		b.cancel()
	}
	return n, err
}

// errTooSlow is why a body was not read to its end.
var errTooSlow = errors.New("the body came too slowly")

// Read waits for the next bytes of the body.
func (b *pacedBody) Read(p []byte) (int, error) {
	began := time.Now()
	deadline := began.Add(b.pace.Silence)
	if !b.until.IsZero() && b.until.Before(deadline) {
		deadline = b.until
	}
	if err := b.connection.SetReadDeadline(deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	n, err := b.read(p)
	b.waited += time.Since(began)
	b.came += int64(n)
	if errors.Is(err, io.EOF) {
		b.end(time.Time{})
	}
	if err != nil { // the deadline that ended it stays: net/http would wait for the rest before it answers
		b.ended = true
		return n, err
	}
	if b.waited > b.pace.Grace && float64(b.came) < b.waited.Seconds()*float64(b.pace.Rate) {
		return n, errTooSlow
	}
	return n, nil
}

// end gives the connection its last deadline for reading. It is none while a request
// is worked on whose body has come: net/http reads on to notice when the client goes
// away, and would take the end of the deadline for that.
func (b *pacedBody) end(deadline time.Time) {
	b.ended = true
	_ = b.connection.SetReadDeadline(deadline) // a connection that has ended needs none
}

// leaveBody makes sure that a body that nobody will read does not keep the
// connection: what is left of it gets a moment, so that a small one that is already
// on its way does not cost the client its connection.
func leaveBody(c echo.Context) {
	if body, ok := c.Get(bodyKey).(*pacedBody); ok && !body.ended {
		body.end(time.Now().Add(discardTime))
	}
}

// patient lets a body take as long as it takes, if it neither stops nor drips.
func patient(c echo.Context) {
	if body, ok := c.Get(bodyKey).(*pacedBody); ok {
		body.until = time.Time{}
	}
}
