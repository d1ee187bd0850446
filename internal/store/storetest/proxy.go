package storetest

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Proxy is between programs and a database server, and can break their connections like a
// network does.
type Proxy struct {
	listener net.Listener
	server   string

	mu      sync.Mutex
	links   map[*link]bool
	refuses bool
	cutOn   []byte // bytes after which the sender loses its connection, once
}

// link is one connection through the proxy.
type link struct {
	program, server net.Conn
	frozen          chan struct{} // closed when the link carries nothing any more
	freeze          sync.Once
	closed          chan struct{}
	close           sync.Once
}

// Through returns the database behind a proxy that lasts as long as the test.
func (d Database) Through(t testing.TB) (Database, *Proxy) {
	t.Helper()
	u, err := url.Parse(d.opts.URL)
	require.NoError(t, err)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &Proxy{listener: listener, server: u.Host, links: map[*link]bool{}}
	var accepting sync.WaitGroup
	accepting.Go(p.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		p.Cut()
		accepting.Wait()
	})
	u.Host = listener.Addr().String()
	d.opts.URL = u.String()
	return d, p
}

// Cut breaks every connection.
func (p *Proxy) Cut() {
	for _, l := range p.open() {
		l.cut()
	}
}

// Freeze blocks all existing connections in both directions, as when a machine has
// disappeared. New connections work.
func (p *Proxy) Freeze() {
	for _, l := range p.open() {
		l.freeze.Do(func() { close(l.frozen) })
	}
}

// Refuse sets whether new connections are closed at once.
func (p *Proxy) Refuse(yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuses = yes
}

// CutAfter breaks the first connection through which a program sends these bytes, after
// the server has processed them and before the program receives the answer.
func (p *Proxy) CutAfter(sent string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cutOn = []byte(sent)
}

func (p *Proxy) open() (links []*link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		links = append(links, l)
	}
	return links
}

func (p *Proxy) accept() {
	for {
		program, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.mu.Lock()
		refuses := p.refuses
		p.mu.Unlock()
		if refuses {
			_ = program.Close()
			continue
		}
		server, err := (&net.Dialer{}).Dial("tcp", p.server) //nolint:noctx // to this machine, in a test
		if err != nil {
			_ = program.Close()
			continue
		}
		p.join(&link{program: program, server: server, frozen: make(chan struct{}), closed: make(chan struct{})})
	}
}

func (p *Proxy) join(l *link) {
	p.mu.Lock()
	p.links[l] = true
	p.mu.Unlock()
	doomed := make(chan struct{}) // closed when the client must not get the server's next answer
	go l.copy(l.server, l.program, func(b []byte) bool {
		if p.triggers(b) {
			close(doomed)
		}
		return true
	})
	go func() {
		l.copy(l.program, l.server, func([]byte) bool {
			select {
			case <-doomed:
				return false
			default:
				return true
			}
		})
		p.mu.Lock()
		delete(p.links, l)
		p.mu.Unlock()
	}()
}

// triggers reports whether sent contains the bytes of CutAfter.
func (p *Proxy) triggers(sent []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cutOn == nil || !bytes.Contains(sent, p.cutOn) {
		return false
	}
	p.cutOn = nil
	return true
}

// copy copies bytes until either end is closed or pass returns false.
func (l *link) copy(to io.Writer, from io.Reader, pass func([]byte) bool) {
	defer l.cut()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		select {
		case <-l.frozen:
			<-l.closed
			return
		default:
		}
		if n > 0 && !pass(buffer[:n]) {
			return
		}
		if _, writing := to.Write(buffer[:n]); writing != nil || err != nil {
			return
		}
	}
}

// cut closes both ends so that they notice at once.
func (l *link) cut() {
	l.close.Do(func() {
		close(l.closed)
		for _, c := range []net.Conn{l.program, l.server} {
			if tcp, ok := c.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			_ = c.Close()
		}
	})
}
