package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/agentsync"
	"github.com/lethe-chat/lethe/internal/fault"
)

// syncFlags are the flags of the command.
type syncFlags struct {
	remote
	once, dryRun, yes, again bool
	sources                  []string
	install, uninstall       bool
}

func (p *program) syncCommand() *cobra.Command {
	var f syncFlags
	cmd := &cobra.Command{
		Use:   "sync",
		Short: "Store the sessions of the coding agents on this machine, and keep them up to date",
		Long: "Find the sessions of Claude Code, Codex, Gemini CLI, Qwen Code, OpenCode, Cursor, Grok Build, Kimi\n" +
			"and Aider on this machine, store them, and store what is new as it is written, until Ctrl-C.\n\n" +
			"The first run lists the agents that it finds and asks once. What was deleted in Lethe stays\n" +
			"deleted, and a session that an agent deletes stays in Lethe. While the service does not run, the\n" +
			"command waits for it.",
		Example: "  lethe sync\n" +
			"  lethe sync --once --source codex\n" +
			"  lethe sync --source aider=$HOME/src\n" +
			"  lethe sync --install",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.install || f.uninstall {
				return p.syncAtLogin(cmd.Context(), f)
			}
			return p.sync(cmd.Context(), f)
		},
	}
	cmd.Flags().BoolVar(&f.once, "once", false, "store what is new, then stop")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "print what would be stored, or written with --install, and change nothing")
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&f.again, "again", false, "read every session from its beginning")
	cmd.Flags().StringArrayVar(&f.sources, "source", nil, "only this agent; NAME=FOLDER when its sessions are elsewhere. May be repeated")
	cmd.Flags().BoolVar(&f.install, "install", false, "make the system run this command when you log in")
	cmd.Flags().BoolVar(&f.uninstall, "uninstall", false, "undo --install")
	cmd.MarkFlagsMutuallyExclusive("install", "uninstall")
	cmd.MarkFlagsMutuallyExclusive("install", "once")
	f.flags(cmd)
	return cmd
}

// machine returns what the environment says about this machine.
func (p *program) machine() agentsync.Machine {
	home := p.getenv("HOME")
	if home == "" {
		home = p.getenv("USERPROFILE")
	}
	return agentsync.Machine{OS: runtime.GOOS, Home: home, Getenv: p.getenv}
}

// getenv returns the value of a variable; "" if it is not set.
func (p *program) getenv(name string) (value string) {
	for _, entry := range p.environ {
		if key, v, _ := strings.Cut(entry, "="); key == name {
			value = v
		}
	}
	return value
}

func (p *program) sync(ctx context.Context, f syncFlags) error {
	return p.withSyncState(f.dryRun, func(state *agentsync.State) error { return p.syncWith(ctx, state, f) })
}

func (p *program) syncWith(ctx context.Context, state *agentsync.State, f syncFlags) error {
	agents, err := p.chooseAgents(state, f)
	if err != nil {
		return err
	}
	if f.again {
		state.Forget()
	}
	p.stopsInOrder.Store(!f.once && !f.dryRun) // it runs until it is stopped
	report := syncReport{p: p, f: f}
	o := agentsync.Options{
		Agents: agents, State: state, Once: f.once, DryRun: f.dryRun, Report: report.event, Timing: p.timing,
		Connect: func(ctx context.Context) (agentsync.Service, string, error) {
			c, address, err := p.clientAt(ctx, f.remote)
			return c, address, err
		},
	}
	if err := agentsync.Run(ctx, o); err != nil {
		return err
	}
	return report.err
}

// withSyncState calls fn with the state of this user. Unless fn only reads it, no other command uses it meanwhile.
func (p *program) withSyncState(readOnly bool, fn func(*agentsync.State) error) error {
	file := agentsync.StateFile(p.machine())
	if file == "" {
		return fault.Invalidf("the environment does not say where your home folder is; set HOME")
	}
	if !readOnly {
		release, err := agentsync.LockState(file)
		if err != nil {
			return err
		}
		defer release()
	}
	state, err := agentsync.OpenState(file)
	if err != nil {
		return err
	}
	return fn(state)
}

// chooseAgents returns the agents whose sessions the user wants: those that --source names, and those that the user
// agreed to. It asks about new ones once.
func (p *program) chooseAgents(state *agentsync.State, f syncFlags) ([]agentsync.Agent, error) {
	all := agentsync.Agents(p.machine())
	if len(f.sources) > 0 {
		return agentsync.Choose(all, f.sources)
	}
	present := agentsync.Present(all)
	if len(present) == 0 {
		return nil, fault.New(fault.NotFound, "no sessions of a coding agent were found on this machine; name a folder with --source, as in --source claude-code=FOLDER")
	}
	if f.dryRun {
		return present, nil
	}
	var wanted, unasked []agentsync.Agent
	for _, a := range present {
		agreed, asked := state.Agreed(a.Name)
		switch {
		case agreed:
			wanted = append(wanted, a)
		case !asked || f.yes:
			unasked = append(unasked, a)
		}
	}
	agreed, err := p.askAgents(unasked, f, len(wanted) > 0)
	if err != nil {
		return nil, err
	}
	if len(unasked) > 0 && (p.terminal || f.yes) {
		for _, a := range unasked {
			state.Agree(a.Name, agreed)
		}
		if err := state.Save(); err != nil {
			return nil, err
		}
	}
	if agreed {
		wanted = append(wanted, unasked...)
	}
	if len(wanted) == 0 {
		return nil, fault.Invalidf("you said no to every agent that was found; name one with --source, or say yes to all with --yes")
	}
	return wanted, nil
}

// askAgents lists agents and asks whether to send their sessions. Without a terminal the answer is no if there are
// other agents to send, else an error.
func (p *program) askAgents(agents []agentsync.Agent, f syncFlags, others bool) (bool, error) {
	if len(agents) == 0 {
		return false, nil
	}
	for _, a := range agents {
		p.note("Found %s: %s in %s", a.Title, count(a.Sessions(), "session"), strings.Join(a.Roots, ", "))
	}
	switch {
	case f.yes:
		return true, nil
	case !p.terminal && others:
		p.note("Run `lethe sync` in a terminal to choose whether to store these too.")
		return false, nil
	case !p.terminal:
		return false, fault.Invalidf("without a terminal, the command cannot ask whether to store these; add --yes, or name some with --source")
	}
	fmt.Fprint(p.stderr, "Store these in Lethe, and what is added to them? [Y/n] ")
	said, err := answer(bufio.NewReader(p.stdin))
	if err != nil {
		return false, fault.Invalidf("nothing was stored")
	}
	switch strings.ToLower(said) {
	case "", "y", "yes":
		return true, nil
	}
	return false, nil
}

// syncReport prints what happens.
type syncReport struct {
	p   *program
	f   syncFlags
	err error // of printing
}

func (r *syncReport) event(e agentsync.Event) {
	if r.f.asJSON {
		out := json.NewEncoder(r.p.stdout)
		out.SetEscapeHTML(false)
		if err := out.Encode(e); err != nil {
			r.err = err
		}
		return
	}
	say := func(format string, args ...any) {
		if err := r.p.say(format, args...); err != nil {
			r.err = err
		}
	}
	switch e.Kind {
	case agentsync.Sent:
		say("%s.\n", sentSummary(e))
	case agentsync.Current:
		if r.f.dryRun {
			say("%s of %s would be stored.\n", count(e.Conversations, "conversation"), count(e.Files, "session file"))
			return
		}
		say("Everything is stored (%s).\n", count(e.Files, "session file"))
	case agentsync.Watching:
		say("Watching %s. Press Ctrl-C to stop.\n", count(e.Folders, "folder"))
	case agentsync.Unwatched:
		r.p.note("%s cannot be watched and are checked every 30 seconds instead: %s", count(e.Folders, "folder"), e.Text)
	case agentsync.Waiting:
		r.p.note("Waiting for the service: %s", e.Text)
	case agentsync.Problem:
		r.p.note("%s", strings.TrimPrefix(e.Place+": "+e.Text, ": "))
	}
}

// sentSummary describes the results of sending.
func sentSummary(e agentsync.Event) string {
	parts := []string{"Stored " + count(e.Conversations, "conversation")}
	if e.Deleted > 0 {
		parts = append(parts, fmt.Sprintf("left %d deleted", e.Deleted))
	}
	if e.Excluded > 0 {
		parts = append(parts, fmt.Sprintf("skipped %d excluded", e.Excluded))
	}
	if e.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d could not be stored", e.Failed))
	}
	return strings.Join(parts, "; ")
}
