package main

import (
	"bytes"
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

// errInterrupted is the cause of a context that a signal ended.
var errInterrupted = errors.New("interrupted")

// interrupts returns a context that ends with the first SIGINT or SIGTERM. The
// second one calls atOnce, for a user who does not want to wait.
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

// interruptPatience is how long a command may take to end after an interrupt. After that time it must be waiting for
// something that no context ends, such as a named pipe without a writer.
const interruptPatience = 2 * time.Second

// execute runs the command until it ends or is interrupted. For a service that shuts down, it waits as long as
// needed.
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

// progress describes what a command has done so far, for a user who interrupts it.
type progress struct {
	mu   sync.Mutex
	text func() string
}

// is sets the description.
func (p *progress) is(format string, args ...any) {
	p.follows(func() string { return fmt.Sprintf(format, args...) })
}

// follows sets a function that returns the description when it is needed.
func (p *progress) follows(fn func() string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text = fn
}

// sentence returns the description as the end of a sentence; "" when there is none.
func (p *progress) sentence() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.text == nil {
		return ""
	}
	return "; " + p.text()
}

// interruptible is standard input whose reads end with the context.
type interruptible struct {
	ctx context.Context
	in  io.Reader
}

// Read reads. If the context ends first, it returns the cause of the context.
func (r *interruptible) Read(p []byte) (int, error) {
	type outcome struct {
		n   int
		err error
	}
	buffer := make([]byte, len(p)) // not p: an abandoned read may still write into its buffer
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

// lineCounter counts the lines that are read through it or written to it.
type lineCounter struct {
	in io.Reader
	n  atomic.Int64
}

// Read reads and counts.
func (c *lineCounter) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.count(p[:n])
	return n, err
}

// Write counts and discards.
func (c *lineCounter) Write(p []byte) (int, error) {
	c.count(p)
	return len(p), nil
}

func (c *lineCounter) count(p []byte) { c.n.Add(int64(bytes.Count(p, []byte{'\n'}))) }
