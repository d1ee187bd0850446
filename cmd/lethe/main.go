// Command lethe is the chat-history service and its command line.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/agentsync"
	"github.com/lethe-chat/lethe/internal/config"
	"github.com/lethe-chat/lethe/internal/fault"
)

// The exit codes. Scripts can distinguish a wrong call from a failure.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitPartly      = 3 // an import is complete, except for what could not be read or stored
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

// run is the whole program without its process, so that tests can call it. Data goes to stdout, everything else to
// stderr.
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
	root := p.command() //nolint:contextcheck // cobra passes the context to each command
	root.SetArgs(args)
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	err := p.execute(ctx, root)
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil && !p.stopsInOrder.Load():
		p.note("\nlethe: interrupted%s", p.soFar.sentence())
		return exitInterrupted
	case fault.Is(err, fault.Internal) && !p.started.Load():
		called, _, _ := root.Find(args) // the root if no command was named
		p.note("lethe: %v\nRun '%s --help' for help.", err, called.CommandPath())
		return exitUsage
	case errors.Is(err, errPartly):
		p.note("lethe: %s", explain(err))
		return exitPartly
	default:
		p.note("lethe: %s", explain(err))
		return exitFailure
	}
}

// program holds what the subcommands share.
type program struct {
	environ        []string
	stdout, stderr io.Writer
	stdin          io.Reader
	terminal       bool          // a user is at the terminal and can be asked
	keyboard       *os.File      // the terminal where typing can be hidden; nil if there is none
	started        atomic.Bool   // a subcommand has begun, so errors are no longer about its arguments
	stopsInOrder   atomic.Bool   // after an interrupt the command needs time to shut down
	soFar          progress      // what the command has done so far, for the message after an interrupt
	patience       time.Duration // replaces interruptPatience in tests

	// For tests. Zero values mean the normal behavior.
	timing agentsync.Timing             // of lethe sync
	system string                       // the operating system that autostart files are written for
	self   string                       // the path of this program
	runner func(command []string) error // runs commands of the system
}

func (p *program) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "lethe",
		Short: "Lethe keeps your chats in one place and deletes them completely",
		Long: "Lethe keeps the chats you have with assistants in one place of your own. It searches them by\n" +
			"word and by meaning, and what you delete is deleted completely.\n\n" +
			"To begin, run `lethe serve` and follow what it prints.",
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			p.started.Store(true)
			return refuseEmpty(cmd.Flags())
		},
	}
	group := func(id, title string, commands ...*cobra.Command) {
		root.AddGroup(&cobra.Group{ID: id, Title: title})
		for _, c := range commands {
			c.GroupID = id
		}
		root.AddCommand(commands...)
	}
	group("service", "Run the service:", p.serveCommand(), p.healthCommand(), p.serviceCommand())
	group("conversations", "Work with conversations, through a running service:",
		p.openCommand(), p.listCommand(), p.searchCommand(), p.recallCommand(), p.mcpCommand(), p.importCommand(), p.syncCommand(), p.exportCommand(),
		p.deleteCommand(), p.deleteMessageCommand(), p.liftCommand(), p.reindexCommand())
	group("database", "Manage the database of this machine or of LETHE_DATABASE_URL:",
		p.keysCommand(), p.workspacesCommand(), p.backupCommand(), p.restoreCommand(), p.doctorCommand(), p.reclaimCommand(), p.ledgerCommand())
	group("about", "Other commands:", p.versionCommand())
	root.Version = release() // cobra adds --version when there is one
	root.SetVersionTemplate(versionLine())
	root.SetHelpCommandGroupID("about")
	root.SetCompletionCommandGroupID("about")
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
