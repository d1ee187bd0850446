// Command lethe is the chat-history service and the command line to it.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/config"
	"github.com/lethe-chat/lethe/internal/fault"
)

// The exit codes: scripts can tell a wrong call from a failure.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	ctx, stop := interrupts(func() {
		fmt.Fprintln(os.Stderr, "lethe: stopped at once, by a second signal")
		os.Exit(exitInterrupted)
	})
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the whole program: what main is, without the process around it, so that
// tests can start it. Data goes to stdout, everything else to stderr.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	p := &program{
		environ: environ, stdout: shownOn(stdout), stderr: shownOn(stderr),
		stdin: os.Stdin, terminal: isatty.IsTerminal(os.Stdin.Fd()),
	}
	if p.terminal {
		p.keyboard = os.Stdin
	}
	return p.run(ctx, args)
}

func (p *program) run(ctx context.Context, args []string) int {
	p.stdin = &interruptible{ctx: ctx, in: p.stdin}
	root := p.command() //nolint:contextcheck // cobra hands the context to each command
	root.SetArgs(args)
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	err := p.execute(ctx, root)
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil && !p.stopsInOrder.Load():
		fmt.Fprintf(p.stderr, "\nlethe: interrupted%s\n", p.soFar.sentence())
		return exitInterrupted
	case fault.Is(err, fault.Internal) && !p.started.Load():
		fmt.Fprintf(p.stderr, "lethe: %v\nRun 'lethe --help' for the commands.\n", err)
		return exitUsage
	default:
		fmt.Fprintf(p.stderr, "lethe: %s\n", explain(err))
		return exitFailure
	}
}

// program is what the subcommands share.
type program struct {
	environ        []string
	stdout, stderr io.Writer
	stdin          io.Reader
	terminal       bool          // somebody is there to be asked
	keyboard       *os.File      // the terminal that can hide what is typed; nil for none
	started        atomic.Bool   // a subcommand has begun: errors from here on are not about the call
	stopsInOrder   atomic.Bool   // the command ends by itself after an interrupt, in its own time
	soFar          progress      // what the command has done
	patience       time.Duration // in place of interruptPatience; for tests
}

func (p *program) command() *cobra.Command {
	root := &cobra.Command{
		Use:              "lethe",
		Short:            "The chat history that remembers everything and, told to forget, forgets completely",
		SilenceUsage:     true,
		SilenceErrors:    true,
		PersistentPreRun: func(*cobra.Command, []string) { p.started.Store(true) },
	}
	root.AddCommand(
		p.serveCommand(), p.healthCommand(), p.keysCommand(), p.doctorCommand(), p.versionCommand(),
		p.reclaimCommand(), p.listCommand(), p.searchCommand(), p.recallCommand(), p.deleteCommand(),
		p.exportCommand(), p.importCommand(), p.liftCommand(), p.reindexCommand(), p.workspacesCommand(),
	)
	return root
}

// config reads the environment.
func (p *program) config() (config.Config, error) { return config.Load(p.environ) }

// logger writes to stderr: stdout is for data.
func (p *program) logger(c config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == config.LogJSON {
		return slog.New(slog.NewJSONHandler(p.stderr, options))
	}
	return slog.New(slog.NewTextHandler(p.stderr, options))
}
