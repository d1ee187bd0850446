package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// errInterrupted is the cause of a context that a signal has ended.
var errInterrupted = errors.New("interrupted")

// interrupts returns a context that ends with the first SIGINT or SIGTERM. The
// second one calls atOnce, for whoever does not want to wait for an orderly end.
func interrupts(atOnce func()) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ended := make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case <-signals:
			case <-ended:
				return
			}
			if n == 0 {
				cancel(errInterrupted)
				continue
			}
			atOnce()
		}
	}()
	return ctx, func() { signal.Stop(signals); close(ended); cancel(nil) }
}

// interruptPatience is how long a command may take to end after an interrupt. What
// then still runs is waiting for something that no context ends, such as a named
// pipe that nobody writes.
const interruptPatience = 2 * time.Second

// execute runs the command until it ends or is interrupted. A service that stops
// in order is waited for however long that takes.
func (p *program) execute(ctx context.Context, root *cobra.Command) error {
	ended := make(chan error, 1)
	go func() { ended <- root.ExecuteContext(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	if p.stopsInOrder.Load() {
		return <-ended
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(cmp.Or(p.patience, interruptPatience)):
		return context.Cause(ctx)
	}
}

// progress is what a command has done so far, in words, for whoever interrupts it.
type progress struct {
	mu   sync.Mutex
	text func() string
}

// is sets the words; the command is at another point now.
func (p *progress) is(format string, args ...any) {
	p.follows(func() string { return fmt.Sprintf(format, args...) })
}

// follows sets the words to what fn says when somebody asks.
func (p *progress) follows(fn func() string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text = fn
}

// sentence is what has been done, as the end of a sentence; empty when the command
// has nothing to say.
func (p *progress) sentence() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.text == nil {
		return ""
	}
	return "; " + p.text()
}

// interruptible is standard input whose reads end with the context, whatever they
// wait for.
type interruptible struct {
	ctx context.Context
	in  io.Reader
}

// Read reads, or returns why the context has ended.
func (r *interruptible) Read(p []byte) (int, error) {
	type outcome struct {
		n   int
		err error
	}
	buffer := make([]byte, len(p)) // of its own: a read that is left alone may still write into it
	read := make(chan outcome, 1)
	go func() {
		n, err := r.in.Read(buffer)
		read <- outcome{n, err}
	}()
	select {
	case o := <-read:
		return copy(p, buffer[:o.n]), o.err
	case <-r.ctx.Done():
		return 0, context.Cause(r.ctx)
	}
}

// lineCounter counts the lines that are read through it.
type lineCounter struct {
	in io.Reader
	n  atomic.Int64
}

// Read reads and counts.
func (c *lineCounter) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	for _, b := range p[:n] {
		if b == '\n' {
			c.n.Add(1)
		}
	}
	return n, err
}
