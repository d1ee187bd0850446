// Package agentsync sends the sessions of the coding agents on this machine to a service and keeps them up to date:
// it knows where agents store their sessions, remembers how far each file was read, watches the folders, and sends
// what is new. It does not know the formats of sessions (internal/exports) and deletes nothing, at the service or on
// this machine.
package agentsync

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lethe-chat/lethe/internal/exports/aider"
	"github.com/lethe-chat/lethe/internal/exports/claudecode"
	"github.com/lethe-chat/lethe/internal/exports/codex"
	"github.com/lethe-chat/lethe/internal/exports/cursor"
	"github.com/lethe-chat/lethe/internal/exports/format"
	"github.com/lethe-chat/lethe/internal/exports/geminicli"
	"github.com/lethe-chat/lethe/internal/exports/grokbuild"
	"github.com/lethe-chat/lethe/internal/exports/kimi"
	"github.com/lethe-chat/lethe/internal/exports/opencode"
	"github.com/lethe-chat/lethe/internal/exports/qwencode"
	"github.com/lethe-chat/lethe/internal/fault"
	"github.com/lethe-chat/lethe/internal/spelling"
)

// Machine describes the system, as far as needed to find the folders.
type Machine struct {
	OS     string // a value of runtime.GOOS
	Home   string // the user's home folder
	Getenv func(name string) string
}

// Agent is a program whose sessions can be sent, and the place where it stores them.
type Agent struct {
	Name   string // such as claude-code, which is also the platform of its conversations
	Title  string // for the user
	Format format.Format
	Roots  []string // folders, which may be missing

	session func(name string) bool // whether a path with slashes is that of a session
}

// Agents returns all known agents, with the folders that they use on this machine.
func Agents(m Machine) []Agent {
	home := func(parts ...string) string { return filepath.Join(append([]string{m.Home}, parts...)...) }
	// or returns the value of a variable, or else a folder in the user's home.
	or := func(variable string, parts ...string) string {
		if set := m.Getenv(variable); set != "" {
			return set
		}
		return home(parts...)
	}
	under := filepath.Join
	codexHome := or("CODEX_HOME", ".codex")
	geminiHome := or("GEMINI_CLI_HOME")
	return []Agent{
		{
			Name: claudecode.Platform, Title: "Claude Code", Format: claudecode.Format(),
			Roots: []string{under(or("CLAUDE_CONFIG_DIR", ".claude"), "projects")}, session: ending(".jsonl"),
		},
		{
			Name: codex.Platform, Title: "Codex", Format: codex.Format(),
			Roots: []string{under(codexHome, "sessions"), under(codexHome, "archived_sessions")}, session: named("rollout-*.jsonl", "rollout-*.json"),
		},
		{
			Name: geminicli.Platform, Title: "Gemini CLI", Format: geminicli.Format(),
			Roots: []string{under(geminiHome, ".gemini", "tmp")}, session: below("chats", ending(".json", ".jsonl")),
		},
		{
			Name: qwencode.Platform, Title: "Qwen Code", Format: qwencode.Format(),
			Roots: []string{home(".qwen", "projects")}, session: below("chats", ending(".jsonl")),
		},
		{
			Name: opencode.Platform, Title: "OpenCode", Format: opencode.Format(),
			Roots: []string{openCodeFolder(m, home)}, session: named("opencode*.db"),
		},
		{
			Name: cursor.Platform, Title: "Cursor", Format: cursor.Format(),
			Roots: []string{home(".cursor", "projects")}, session: below("agent-transcripts", ending(".jsonl")),
		},
		{
			Name: grokbuild.Platform, Title: "Grok Build", Format: grokbuild.Format(),
			Roots: []string{home(".grok", "sessions")}, session: named("updates.jsonl", "chat_history.jsonl"),
		},
		{
			Name: kimi.Platform, Title: "Kimi", Format: kimi.Format(),
			Roots:   []string{under(or("KIMI_SHARE_DIR", ".kimi"), "sessions"), under(or("KIMI_CODE_HOME", ".kimi-code"), "sessions")},
			session: named("wire.jsonl"),
		},
		// Aider stores its history in each repository, so the user has to say where.
		{Name: aider.Platform, Title: "Aider", Format: aider.Format(), session: named(".aider.chat.history.md")},
	}
}

// openCodeFolder returns the folder of OpenCode's database, which follows the XDG rules on
// every system.
func openCodeFolder(m Machine, home func(...string) string) string {
	if db := m.Getenv("OPENCODE_DB"); filepath.IsAbs(db) {
		return filepath.Dir(db)
	}
	if data := m.Getenv("XDG_DATA_HOME"); filepath.IsAbs(data) {
		return filepath.Join(data, "opencode")
	}
	return home(".local", "share", "opencode")
}

func ending(extensions ...string) func(string) bool {
	return func(name string) bool { return slices.Contains(extensions, filepath.Ext(name)) }
}

func named(patterns ...string) func(string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			fits, err := filepath.Match(p, filepath.Base(name))
			return fits && err == nil
		})
	}
}

// below requires a folder with this name in the path of the file.
func below(folder string, and func(string) bool) func(string) bool {
	return func(name string) bool { return strings.Contains(filepath.ToSlash(name), "/"+folder+"/") && and(name) }
}

// Present returns the agents with a folder on this machine.
func Present(all []Agent) (present []Agent) {
	for _, a := range all {
		a.Roots = slices.DeleteFunc(slices.Clone(a.Roots), func(root string) bool {
			info, err := os.Stat(root)
			return err != nil || !info.IsDir()
		})
		if len(a.Roots) > 0 {
			present = append(present, a)
		}
	}
	return present
}

// Choose returns the agents that the user named, as NAME or NAME=FOLDER. It returns Invalid for an unknown name and
// for a folder that does not exist.
func Choose(all []Agent, names []string) ([]Agent, error) {
	var chosen []Agent
	for _, name := range names {
		name, folder, given := strings.Cut(name, "=")
		i := slices.IndexFunc(all, func(a Agent) bool { return a.Name == name || a.Format.Name == name })
		if i < 0 {
			return nil, unknownAgent(all, name)
		}
		a := all[i]
		if given {
			folder, err := filepath.Abs(folder)
			if err != nil {
				return nil, fault.Wrap(fault.Invalid, err, "%s is not a folder", folder)
			}
			a.Roots = []string{folder}
		}
		present := Present([]Agent{a})
		if len(present) == 0 {
			return nil, fault.Invalidf("no folder with sessions of %s exists (%s); name one with --source %s=FOLDER", a.Title, strings.Join(a.Roots, ", "), a.Name)
		}
		chosen = append(chosen, present[0])
	}
	return chosen, nil
}

func unknownAgent(all []Agent, name string) error {
	names := make([]string, len(all))
	for i, a := range all {
		names[i] = a.Name
	}
	hint := ""
	if near, ok := spelling.Nearest(name, names); ok {
		hint = "; did you mean " + near + "?"
	}
	return fault.Invalidf("no agent is called %q%s (agents: %s)", name, hint, strings.Join(names, ", "))
}

// Sessions returns how many session files an agent has.
func (a Agent) Sessions() (n int) {
	for _, root := range a.Roots {
		walk(root, func(string) {}, func(path string, _ fs.FileInfo) {
			if a.session(path) {
				n++
			}
		})
	}
	return n
}

// walk visits the folders and files in a folder. It does not follow links. It leaves out what it cannot read: that
// may have been deleted in the meantime, or belong to another user.
func walk(root string, folder func(path string), file func(path string, info fs.FileInfo)) {
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return skip(entry)
		case entry.IsDir():
			folder(path)
		case entry.Type().IsRegular():
			if info, err := entry.Info(); err == nil {
				file(path, info)
			}
		}
		return nil
	})
}

// skip leaves out what cannot be read.
func skip(entry fs.DirEntry) error {
	if entry != nil && entry.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// Variables are the environment variables that say where agents store their sessions.
func Variables() []string {
	return []string{
		"CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CLI_HOME", "OPENCODE_DB", "XDG_DATA_HOME", "KIMI_SHARE_DIR", "KIMI_CODE_HOME",
	}
}

// StateFile returns the path of a user's state file, in the user's folder for state. It is empty when the environment
// does not say where the home folder is.
func StateFile(m Machine) string {
	const name = "sync.json"
	switch {
	case m.OS == "windows" && m.Getenv("LocalAppData") != "":
		return filepath.Join(m.Getenv("LocalAppData"), "lethe", name)
	case m.OS != "darwin" && filepath.IsAbs(m.Getenv("XDG_STATE_HOME")):
		return filepath.Join(m.Getenv("XDG_STATE_HOME"), "lethe", name)
	case m.Home == "":
		return ""
	case m.OS == "darwin":
		return filepath.Join(m.Home, "Library", "Application Support", "lethe", name)
	}
	return filepath.Join(m.Home, ".local", "state", "lethe", name)
}
