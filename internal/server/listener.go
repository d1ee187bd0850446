package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"sync"

	"github.com/lethe-chat/lethe/internal/chat"
)

// Listener wraps the listener of HTTPServer. net/http itself answers requests that it cannot
// read (a header that is too large, a malformed line) as plain text, before any handler
// runs. Listener puts such an answer into the envelope of the requested API.
func (s *Server) Listener(l net.Listener) net.Listener { return enveloping{l} }

type enveloping struct{ net.Listener }

// Accept returns the next connection.
func (l enveloping) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &envelopedConn{Conn: conn}, nil
}

// maxStart is how many bytes of a request are remembered: enough for its method and the
// beginning of its path.
const maxStart = 64

// envelopedConn remembers the beginning of the current request. Two goroutines read and
// write.
type envelopedConn struct {
	net.Conn
	mu       sync.Mutex
	start    []byte
	answered bool // the next bytes belong to another request
}

// Read reads and remembers the beginning of a request.
func (c *envelopedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if n > 0 && c.answered {
		c.start, c.answered = c.start[:0], false
	}
	if room := maxStart - len(c.start); room > 0 {
		c.start = append(c.start, p[:min(n, room)]...)
	}
	return n, err
}

// bare is the header of net/http's own answers. Handlers' answers have more fields. No
// handler answers 417, which refuses an Expect header.
var bare = regexp.MustCompile(`^HTTP/1\.[01] (?:(417) (Expectation Failed)\r\n|` +
	`([45][0-9]{2}) ([^\r\n]*)\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n)`)

// Write writes, and puts net/http's own answers into an envelope.
func (c *envelopedConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.answered = true
	asked := string(c.start)
	c.mu.Unlock()
	said := bare.FindSubmatch(p)
	if said == nil {
		return c.Conn.Write(p)
	}
	if _, err := c.Conn.Write(inEnvelope(asked, string(said[1])+string(said[3]), string(said[2])+string(said[4]))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// inEnvelope returns a complete answer with this status; text is net/http's message.
func inEnvelope(asked, code, text string) []byte {
	status, err := strconv.Atoi(code)
	if err != nil { // three digits, so there is none
		status = http.StatusBadRequest
	}
	message := "the request is not valid HTTP (" + text + ")"
	switch status {
	case http.StatusRequestHeaderFieldsTooLarge:
		message = fmt.Sprintf("the header of the request is larger than %d bytes", maxHeaderBytes)
	case http.StatusExpectationFailed:
		message = "the Expect header may only be 100-continue"
	}
	_, path, _ := bytes.Cut([]byte(asked), []byte(" "))
	body, err := json.Marshal(envelopeFor(string(path))(problem{status: status, message: message}))
	if err != nil {
		body = nil // the status has to do
	}
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nX-Request-Id: %s\r\nConnection: close\r\n\r\n%s",
		status, http.StatusText(status), len(body), chat.NewID(), body)
}

// CloseWrite ends the sending side. net/http calls it after its own answer, so that the
// answer arrives before the connection is reset.
func (c *envelopedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
