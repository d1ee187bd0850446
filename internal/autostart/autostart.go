// Package autostart writes files that make the system start a command of Lethe when the user logs in: systemd units
// on Linux, launchd agents on macOS. It starts nothing itself. The caller runs the commands of a Plan.
package autostart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lethe-chat/lethe/internal/fault"
)

// System is the machine that files are written for.
type System struct {
	OS     string // a value of runtime.GOOS
	Home   string // the user's home folder
	Config string // the user's folder for settings, if not .config in Home
}

// Program is a command that is started.
type Program struct {
	Name        string   // name of the file: lethe or lethe-sync
	Title       string   // for the user
	Installer   string   // the command that wrote the file, such as lethe service install
	Command     []string // the program's path and its arguments
	Environment []string // NAME=VALUE; no secrets, since other programs of the user can read the file
}

// Plan lists the steps of an installation.
type Plan struct {
	Path    string     // of the file
	Content []byte     // of the file
	Start   [][]string // commands that make the system read the file and start the program
	Stop    [][]string // commands that stop the program before the file is deleted
	Reload  [][]string // commands to run after the file was deleted
}

// mark is in every file that this package writes. The package does not delete other files.
const mark = "Written by `"

// PlanFor returns what installing a program means on a system. It returns Invalid for a
// system that is not supported.
func PlanFor(s System, p Program) (Plan, error) {
	switch {
	case s.Home == "":
		return Plan{}, fault.Invalidf("the environment does not say where your home folder is; set HOME")
	case s.OS == "linux":
		return systemd(s, p), nil
	case s.OS == "darwin":
		return launchd(s, p), nil
	case s.OS == "windows":
		return Plan{}, fault.Invalidf("on Windows no file is written; create a task in the Task Scheduler that runs `%s` when you log on", strings.Join(p.Command, " "))
	}
	return Plan{}, fault.Invalidf("on %s no file is written; let your system run `%s` when you log in", s.OS, strings.Join(p.Command, " "))
}

func systemd(s System, p Program) Plan {
	config := s.Config
	if config == "" {
		config = filepath.Join(s.Home, ".config")
	}
	unit := p.Name + ".service"
	var b strings.Builder
	fmt.Fprintf(&b, "# %s%s`. `%s` deletes it.\n", mark, p.Installer, uninstaller(p))
	fmt.Fprintf(&b, "[Unit]\nDescription=%s\nDocumentation=https://github.com/lethe-chat/lethe\n\n", p.Title)
	fmt.Fprintf(&b, "[Service]\nExecStart=%s\n", quoteAll(p.Command))
	for _, variable := range p.Environment {
		fmt.Fprintf(&b, "Environment=%s\n", quote(variable))
	}
	// Secrets, if any, are in a file of their own.
	b.WriteString("EnvironmentFile=-" + strings.ReplaceAll(filepath.Join(config, "lethe", "secrets.env"), "%", "%%") + "\n")
	b.WriteString("Restart=on-failure\nRestartSec=5\nNoNewPrivileges=true\n\n[Install]\nWantedBy=default.target\n")
	return Plan{
		Path: filepath.Join(config, "systemd", "user", unit), Content: []byte(b.String()),
		Start:  [][]string{{"systemctl", "--user", "daemon-reload"}, {"systemctl", "--user", "enable", "--now", unit}},
		Stop:   [][]string{{"systemctl", "--user", "disable", "--now", unit}},
		Reload: [][]string{{"systemctl", "--user", "daemon-reload"}},
	}
}

func uninstaller(p Program) string {
	if command, is := strings.CutSuffix(p.Installer, "--install"); is {
		return command + "--uninstall"
	}
	return p.Installer + " --uninstall"
}

func quoteAll(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = strings.ReplaceAll(quote(word), "$", "$$")
	}
	return strings.Join(quoted, " ")
}

var systemdEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`, "\n", `\n`)

// quote returns a word in the quoting of a unit file.
func quote(word string) string { return `"` + systemdEscapes.Replace(word) + `"` }

func launchd(s System, p Program) Plan {
	label := "com.github.lethe-chat." + p.Name
	path := filepath.Join(s.Home, "Library", "LaunchAgents", label+".plist")
	var b bytes.Buffer
	text := func(key, value string) {
		fmt.Fprintf(&b, "\t<key>%s</key>\n\t<string>%s</string>\n", key, escaped(value))
	}
	b.WriteString(xml.Header)
	b.WriteString("<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n<dict>\n")
	text("Label", label)
	text("Comment", fmt.Sprintf("%s%s`. `%s` deletes it.", mark, p.Installer, uninstaller(p)))
	b.WriteString("\t<key>ProgramArguments</key>\n\t<array>\n")
	for _, word := range p.Command {
		fmt.Fprintf(&b, "\t\t<string>%s</string>\n", escaped(word))
	}
	b.WriteString("\t</array>\n")
	if len(p.Environment) > 0 {
		b.WriteString("\t<key>EnvironmentVariables</key>\n\t<dict>\n")
		for _, variable := range slices.Sorted(slices.Values(p.Environment)) {
			name, value, _ := strings.Cut(variable, "=")
			fmt.Fprintf(&b, "\t\t<key>%s</key>\n\t\t<string>%s</string>\n", escaped(name), escaped(value))
		}
		b.WriteString("\t</dict>\n")
	}
	b.WriteString("\t<key>RunAtLoad</key>\n\t<true/>\n\t<key>KeepAlive</key>\n\t<dict>\n\t\t<key>SuccessfulExit</key>\n\t\t<false/>\n\t</dict>\n")
	log := filepath.Join(s.Home, "Library", "Logs", p.Name+".log")
	text("StandardOutPath", log)
	text("StandardErrorPath", log)
	b.WriteString("</dict>\n</plist>\n")
	return Plan{
		Path: path, Content: b.Bytes(),
		Start: [][]string{{"launchctl", "load", "-w", path}},
		Stop:  [][]string{{"launchctl", "unload", "-w", path}},
	}
}

func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder has no errors
	return b.String()
}

// Write writes the file. It returns Conflict when there is another file that this package
// did not write, and Unavailable when it cannot be written.
func (p Plan) Write() error {
	if _, err := p.ours(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(p.Path), 0o755); err != nil { //nolint:gosec // the system's own folder for such files
		return fault.Wrap(fault.Unavailable, err, "%s cannot be written", p.Path)
	}
	if err := os.WriteFile(p.Path, p.Content, 0o600); err != nil {
		return fault.Wrap(fault.Unavailable, err, "%s cannot be written", p.Path)
	}
	return nil
}

// Installed reports whether the file is there. It returns Conflict when there is another
// file that this package did not write.
func (p Plan) Installed() (bool, error) { return p.ours() }

// Delete deletes the file. It returns Conflict when somebody else wrote it, and Unavailable
// when it cannot be deleted. A missing file is no error.
func (p Plan) Delete() error {
	if there, err := p.ours(); err != nil || !there {
		return err
	}
	if err := os.Remove(p.Path); err != nil {
		return fault.Wrap(fault.Unavailable, err, "%s cannot be deleted", p.Path)
	}
	return nil
}

// ours reports whether the file is there and was written by this package.
func (p Plan) ours() (bool, error) {
	data, err := os.ReadFile(p.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fault.Wrap(fault.Unavailable, err, "%s cannot be read", p.Path)
	case !bytes.Contains(data, []byte(mark)):
		return false, fault.New(fault.Conflict, "%s was not written by Lethe, so it is left as it is; move it away first", p.Path)
	}
	return true, nil
}
