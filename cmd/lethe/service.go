package main

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lethe-chat/lethe/internal/agentsync"
	"github.com/lethe-chat/lethe/internal/autostart"
	"github.com/lethe-chat/lethe/internal/config"
	"github.com/lethe-chat/lethe/internal/fault"
)

func (p *program) serviceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "service",
		Short: "Start the service automatically when you log in",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var uninstall, dryRun bool
	install := &cobra.Command{
		Use:   "install",
		Short: "Make the system start the service when you log in",
		Long: "Write a unit of systemd (Linux) or an agent of launchd (macOS) that runs `lethe serve` when you log\n" +
			"in, and start it now. The settings that are set in the environment are written into the file,\n" +
			"except for secrets. --uninstall stops the service and deletes exactly that file; conversations\n" +
			"and settings are not touched.",
		Example: "  lethe service install --dry-run\n" +
			"  lethe service install\n" +
			"  lethe service install --uninstall",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.atLogin(cmd.Context(), autostart.Program{
				Name: "lethe", Title: "Lethe, a history of your chats", Installer: "lethe service install", Command: []string{"serve"},
			}, uninstall, dryRun)
		},
	}
	install.Flags().BoolVar(&uninstall, "uninstall", false, "stop the service and delete the file")
	install.Flags().BoolVar(&dryRun, "dry-run", false, "print the file and the commands, and change nothing")
	cmd.AddCommand(install)
	return cmd
}

// syncAtLogin is `lethe sync --install` and `lethe sync --uninstall`. It asks the user about the agents first,
// because the program that starts at login cannot ask.
func (p *program) syncAtLogin(ctx context.Context, f syncFlags) error {
	command := []string{"sync"}
	for _, s := range f.sources {
		command = append(command, "--source", s)
	}
	if f.url != "" {
		command = append(command, "--url", f.url)
	}
	if f.key != "" || f.keyFile == "-" {
		return fault.Invalidf("the file must not contain a key; use --key-file with the path of a file")
	}
	if f.keyFile != "" {
		command = append(command, "--key-file", f.keyFile)
	}
	if f.install && !f.dryRun {
		err := p.withSyncState(false, func(state *agentsync.State) error {
			_, err := p.chooseAgents(state, f)
			return err
		})
		if err != nil {
			return err
		}
	}
	return p.atLogin(ctx, autostart.Program{
		Name: "lethe-sync", Title: "Lethe, sessions of coding agents", Installer: "lethe sync --install", Command: command,
	}, f.uninstall, f.dryRun)
}

// atLogin writes the file that starts a program at login, or deletes it, and prints what it did.
func (p *program) atLogin(ctx context.Context, program autostart.Program, uninstall, dryRun bool) error {
	self, err := p.executable()
	if err != nil {
		return err
	}
	program.Command = append([]string{self}, program.Command...)
	var secrets []string
	program.Environment, secrets = p.environmentToKeep()
	system := autostart.System{OS: runtime.GOOS, Home: p.machine().Home, Config: p.getenv("XDG_CONFIG_HOME")}
	if p.system != "" {
		system.OS = p.system
	}
	plan, err := autostart.PlanFor(system, program)
	if err != nil {
		return err
	}
	switch {
	case dryRun && uninstall:
		return p.say("Would run: %s\nWould delete %s\n", commandLines(plan.Stop), plan.Path)
	case dryRun:
		return p.say("Would write %s:\n\n%s\nWould run: %s\n", plan.Path, plan.Content, commandLines(plan.Start))
	case uninstall:
		return p.takeAway(ctx, plan)
	}
	if len(secrets) > 0 {
		p.note("Not written, because they are secrets: %s. With systemd, put them into the file secrets.env in the folder lethe of "+
			"your settings, as NAME=VALUE; elsewhere use LETHE_API_KEY_FILE.", strings.Join(secrets, ", "))
	}
	if err := plan.Write(); err != nil {
		return err
	}
	if err := p.say("Wrote %s\n", plan.Path); err != nil {
		return err
	}
	p.runAll(ctx, plan.Start)
	return p.say("`%s` undoes this.\n", strings.Replace(program.Installer+" --uninstall", "--install --uninstall", "--uninstall", 1))
}

// takeAway stops the program and deletes the file.
func (p *program) takeAway(ctx context.Context, plan autostart.Plan) error {
	there, err := plan.Installed()
	if err != nil {
		return err
	}
	if !there {
		return p.say("Nothing is installed: %s does not exist.\n", plan.Path)
	}
	p.runAll(ctx, plan.Stop)
	if err := plan.Delete(); err != nil {
		return err
	}
	p.runAll(ctx, plan.Reload)
	return p.say("Deleted %s\n", plan.Path)
}

// environmentToKeep returns the settings from the environment, and those of the agents. secrets are the names of the
// secrets that are set, whose values are left out.
func (p *program) environmentToKeep() (keep, secrets []string) {
	names := agentsync.Variables()
	for _, v := range config.Variables() {
		if !v.Secret {
			names = append(names, v.Name)
		} else if p.isSet(v.Name) {
			secrets = append(secrets, v.Name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if p.isSet(name) {
			keep = append(keep, name+"="+p.getenv(name))
		}
	}
	return keep, secrets
}

func commandLines(commands [][]string) string {
	lines := make([]string, len(commands))
	for i, c := range commands {
		lines[i] = strings.Join(c, " ")
	}
	return strings.Join(lines, " && ")
}

// runAll runs commands of the system. It names a command that fails, so that the user can run it.
func (p *program) runAll(ctx context.Context, commands [][]string) {
	for _, c := range commands {
		if err := p.runs(ctx, c); err != nil {
			p.note("`%s` failed: %v. Run it yourself.", strings.Join(c, " "), err)
		}
	}
}

// runs runs one command of the system.
func (p *program) runs(ctx context.Context, command []string) error {
	if p.runner != nil {
		return p.runner(command)
	}
	c := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // commands of package autostart
	c.Stdout, c.Stderr = p.stderr, p.stderr
	return c.Run()
}

// executable returns the path of this program.
func (p *program) executable() (string, error) {
	if p.self != "" {
		return p.self, nil
	}
	self, err := os.Executable()
	if err != nil {
		return "", fault.Wrap(fault.Unavailable, err, "this system does not say where the program is")
	}
	return self, nil
}
