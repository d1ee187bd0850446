package server

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/lethe-chat/lethe/internal/fault"
)

// How slow the other side may be. Whoever is slower is cut off, because a request
// in flight holds memory and a connection.
const (
	writeChunk    = 32 << 10         // bytes of an answer that must be taken within writePatience
	writePatience = 10 * time.Second // at least 3 KiB a second
	readSilence   = 15 * time.Second // how long a body may say nothing
	readGrace     = 10 * time.Second // how long a body is waited for before its rate counts
	readRate      = 4 << 10          // bytes a second, of the time that was spent waiting
	discardTime   = time.Second      // how long the rest of a body is read that nobody wants any more
)

// pace cuts off who takes an answer or sends a body too slowly. Deadlines belong to
// the connection, so each chunk sets its own.
func pace(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		connection := http.NewResponseController(c.Response().Writer)
		c.Response().Writer = &pacedWriter{ResponseWriter: c.Response().Writer, connection: connection}
		if r := c.Request(); r.Body != nil && r.Body != http.NoBody {
			body := &pacedBody{ReadCloser: r.Body, connection: connection, until: time.Now().Add(readTimeout)}
			r.Body = body
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
}

// Unwrap is what http.ResponseController looks for.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write writes chunk by chunk.
func (w *pacedWriter) Write(p []byte) (written int, err error) {
	for {
		chunk := p[written:min(len(p), written+writeChunk)]
		deadline := w.connection.SetWriteDeadline(time.Now().Add(writePatience))
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

// pacedBody ends a body that has stopped, or that comes more slowly than readRate.
// Only the time that is spent waiting for it counts, not that of the work between.
type pacedBody struct {
	io.ReadCloser
	connection *http.ResponseController
	until      time.Time // when all of it must have come; zero for no limit
	waited     time.Duration
	came       int64
	ended      bool // nothing more will be read
}

// errTooSlow is why a body was not read to its end.
var errTooSlow = fault.Invalidf("the body came too slowly and was cut off; send the request again")

// Read waits for the next bytes of the body.
func (b *pacedBody) Read(p []byte) (int, error) {
	began := time.Now()
	deadline := began.Add(readSilence)
	if !b.until.IsZero() && b.until.Before(deadline) {
		deadline = b.until
	}
	if err := b.connection.SetReadDeadline(deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	n, err := b.ReadCloser.Read(p)
	b.waited += time.Since(began)
	b.came += int64(n)
	if err != nil {
		b.end(time.Time{})
		return n, err
	}
	if b.waited > readGrace && float64(b.came) < b.waited.Seconds()*readRate {
		return n, errTooSlow
	}
	return n, nil
}

// end gives the connection its last deadline for reading. It is none while the
// request is worked on: net/http reads on to notice when the client goes away, and
// would take the end of the deadline for that.
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
