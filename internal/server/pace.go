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

// Pace limits how slow a client may be. A slower client is disconnected, because a
// request in progress holds memory and a connection. A field of zero means its default.
type Pace struct {
	Write   time.Duration // the longest time to send 32 KiB of an answer; default 10 s, so at least 3 KiB a second
	Silence time.Duration // the longest pause in a body; default 15 s
	Grace   time.Duration // the waiting time for a body before Rate applies; default 10 s
	Rate    int64         // the lowest rate of a body in bytes per second of waiting time; default 4 KiB
}

func (p Pace) withDefaults() Pace {
	return Pace{
		Write: cmp.Or(p.Write, 10*time.Second), Silence: cmp.Or(p.Silence, 15*time.Second),
		Grace: cmp.Or(p.Grace, 10*time.Second), Rate: cmp.Or(p.Rate, 4<<10),
	}
}

const (
	writeChunk  = 32 << 10    // bytes of an answer that must be sent within Pace.Write
	discardTime = time.Second // how long the rest of an unwanted body is read
)

// pace disconnects clients that read an answer or send a body too slowly. Deadlines
// belong to the connection, so each chunk sets its own.
func (s *Server) pace(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		connection := http.NewResponseController(c.Response().Writer)
		c.Response().Writer = &pacedWriter{ResponseWriter: c.Response().Writer, connection: connection, patience: s.options.Pace.Write}
		if r := c.Request(); r.Body != nil && r.Body != http.NoBody {
			ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
			defer cancel()
			body := &pacedBody{
				ReadCloser: r.Body, connection: connection, pace: s.options.Pace, until: time.Now().Add(readTimeout),
				request: r.Context(), cancel: cancel,
			}
			defer context.AfterFunc(body.request, body.requestEnded)()
			r = r.WithContext(ctx)
			r.Body = body
			c.SetRequest(r)
			c.Set(bodyKey, body)
		}
		return next(c)
	}
}

// bodyKey is the key of a request's body in Echo's context.
const bodyKey = "lethe.body"

// pacedWriter gives each chunk of an answer its own deadline, so that a slow client that
// keeps reading gets the whole answer.
type pacedWriter struct {
	http.ResponseWriter
	connection *http.ResponseController
	patience   time.Duration // for each chunk
}

// Unwrap returns the wrapped writer, for http.ResponseController.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write writes p in chunks.
func (w *pacedWriter) Write(p []byte) (written int, err error) {
	for {
		chunk := p[written:min(len(p), written+writeChunk)]
		deadline := w.connection.SetWriteDeadline(time.Now().Add(w.patience))
		if deadline != nil && !errors.Is(deadline, http.ErrNotSupported) { // some tests have no connection
			return written, deadline
		}
		n, err := w.ResponseWriter.Write(chunk)
		written += n
		if err != nil || written == len(p) {
			return written, err
		}
	}
}

// pacedBody ends a body that stops or comes too slowly. Only the time spent waiting for
// it counts, not the work between reads.
type pacedBody struct {
	io.ReadCloser
	connection *http.ResponseController
	pace       Pace
	until      time.Time // the deadline of the whole body; zero for none
	waited     time.Duration
	received   int64 // bytes
	ended      bool  // whether nothing more will be read

	// net/http cancels a request's context when its body could not be read, for any
	// reason. If the reason is one of our deadlines, the client is still connected: it
	// must get an answer, and the part of its import that arrived must be stored.
	request context.Context    //nolint:containedctx // the context of this request, from net/http
	cancel  context.CancelFunc // cancels the context of the handlers
	mu      sync.Mutex         // guards the two fields below
	reading bool
	late    bool // whether a deadline has ended the body
}

// requestEnded cancels the handlers' context, unless a read is in progress. The read then
// finds out the reason.
func (b *pacedBody) requestEnded() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.reading && !b.late {
		b.cancel()
	}
}

// read reads from the connection. It cancels the handlers' context if the client has
// disconnected.
func (b *pacedBody) read(p []byte) (int, error) {
	b.mu.Lock()
	b.reading = true
	b.mu.Unlock()
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading = false
	if b.late = b.late || errors.Is(err, os.ErrDeadlineExceeded); !b.late && b.request.Err() != nil {
		b.cancel()
	}
	return n, err
}

// errTooSlow means that a body came more slowly than Pace allows.
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
	b.received += int64(n)
	if errors.Is(err, io.EOF) {
		b.end(time.Time{})
	}
	if err != nil { // keep the deadline: without it net/http would wait for the rest before it answers
		b.ended = true
		return n, err
	}
	if b.waited > b.pace.Grace && float64(b.received) < b.waited.Seconds()*float64(b.pace.Rate) {
		return n, errTooSlow
	}
	return n, nil
}

// end sets the connection's last read deadline. After a complete body it is none, because
// net/http reads on while the handler works, to notice that the client disconnects, and
// would take an expired deadline for that.
func (b *pacedBody) end(deadline time.Time) {
	b.ended = true
	_ = b.connection.SetReadDeadline(deadline) // the connection may be closed already
}

// leaveBody ends a body that the handler did not read, so that it does not hold the
// connection. The rest of it is read for a moment, so that a client with a small body
// that is already on its way keeps its connection.
func leaveBody(c echo.Context) {
	if body, ok := c.Get(bodyKey).(*pacedBody); ok && !body.ended {
		body.end(time.Now().Add(discardTime))
	}
}

// patient removes the deadline of the whole body, for imports. The body must still not
// stop or come too slowly.
func patient(c echo.Context) {
	if body, ok := c.Get(bodyKey).(*pacedBody); ok {
		body.until = time.Time{}
	}
}
