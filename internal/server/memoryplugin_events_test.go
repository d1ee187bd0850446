package server_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/history"
	"github.com/lethe-chat/lethe/internal/server"
	"github.com/lethe-chat/lethe/pkg/client"
)

func beating(every time.Duration) func(*history.Options) {
	return func(o *history.Options) { o.Heartbeat = every }
}

// A stream on which nothing happens sends heartbeats, so that proxies keep it open.
func TestStreamsHaveAHeartbeat(t *testing.T) {
	s := start(t, server.Options{}, beating(time.Millisecond))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // it only ends a failing test
	defer cancel()
	beats := 0
	for e, err := range s.Client.Events(ctx) {
		require.NoError(t, err)
		if e == (client.Event{}) {
			beats++
		}
		if beats == 3 {
			return
		}
	}
	require.Fail(t, "the stream ended")
}

// unread is a network whose connections have no buffers: a write waits until the other side reads.
type unread struct {
	accepted chan net.Conn
	closed   sync.Once
}

// Accept returns the next connection.
func (u *unread) Accept() (net.Conn, error) {
	if conn, open := <-u.accepted; open {
		return conn, nil
	}
	return nil, net.ErrClosed
}

// Close ends Accept.
func (u *unread) Close() error {
	u.closed.Do(func() { close(u.accepted) })
	return nil
}

// Addr returns the address of a machine without a network.
func (u *unread) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// held is a connection of the service that says when the service closes it.
type held struct {
	net.Conn
	closed chan struct{}
	once   sync.Once
}

// Close closes the connection.
func (h *held) Close() error {
	h.once.Do(func() { close(h.closed) })
	return h.Conn.Close()
}

// A client that does not read its stream is disconnected, and the stream ends.
func TestAStreamThatNobodyReadsEnds(t *testing.T) {
	s := start(t, server.Options{Pace: server.Pace{Write: 50 * time.Millisecond}}, beating(time.Millisecond))
	network := &unread{accepted: make(chan net.Conn, 1)}
	web := s.Server.HTTPServer("")
	served := make(chan error, 1)
	go func() { served <- web.Serve(network) }()
	ours, theirs := net.Pipe()
	connection := &held{Conn: theirs, closed: make(chan struct{})}
	network.accepted <- connection
	_, err := fmt.Fprintf(ours, "GET /api/chat-history/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", s.Key)
	require.NoError(t, err)
	_, err = ours.Read(make([]byte, 100)) // the stream has begun; nothing more is read
	require.NoError(t, err)
	select {
	case <-connection.closed:
	case <-time.After(30 * time.Second): // it only ends a failing test
		require.Fail(t, "the service keeps the connection")
	}
	require.NoError(t, web.Close())
	require.ErrorIs(t, <-served, http.ErrServerClosed)
	require.NoError(t, ours.Close())
}
