package agentsync

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/fsnotify/fsnotify"
	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/fault"
)

var errOverflow = fsnotify.ErrEventOverflow

func machine(home string, environ map[string]string) Machine {
	return Machine{OS: "linux", Home: home, Getenv: func(name string) string { return environ[name] }}
}

func write(t *testing.T, home string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(home, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte("{}\n"), 0o600))
	}
}

func sessions(all []Agent) map[string]int {
	found := map[string]int{}
	for _, a := range Present(all) {
		found[a.Name] = a.Sessions()
	}
	return found
}

func TestTheFoldersOfEveryAgentAreFound(t *testing.T) {
	home := t.TempDir()
	require.Empty(t, Present(Agents(machine(home, nil))))
	write(t, home,
		".claude/projects/-work/1.jsonl", ".claude/projects/-work/1/subagents/agent-2.jsonl", ".claude/projects/-work/1/tool-results/x.txt", ".claude/history.jsonl",
		".codex/sessions/2026/05/17/rollout-1.jsonl", ".codex/archived_sessions/rollout-2.jsonl", ".codex/history.jsonl",
		".gemini/tmp/shop/chats/session-1.jsonl", ".gemini/tmp/shop/chats/session-2.json", ".gemini/tmp/shop/logs.json",
		".qwen/projects/-work/chats/1.jsonl", ".qwen/projects/-work/other.jsonl",
		".local/share/opencode/opencode.db", ".local/share/opencode/opencode.db-wal", ".local/share/opencode/auth.json",
		".cursor/projects/shop/agent-transcripts/1/1.jsonl", ".cursor/projects/shop/repo.json",
		".grok/sessions/w/1/updates.jsonl", ".grok/sessions/w/1/summary.json",
		".kimi/sessions/h/1/wire.jsonl", ".kimi/sessions/h/1/context.jsonl", ".kimi-code/sessions/w/s/agents/main/wire.jsonl",
	)
	require.Equal(t, map[string]int{
		"claude-code": 2, "codex": 2, "gemini-cli": 2, "qwen-code": 1, "opencode": 1, "cursor": 1, "grok-build": 1, "kimi": 2,
	}, sessions(Agents(machine(home, nil))))
}

func TestAgentsFollowTheirVariables(t *testing.T) {
	home, other := t.TempDir(), t.TempDir()
	write(t, other, "claude/projects/-w/1.jsonl", "codex/sessions/2026/01/01/rollout-1.jsonl", "gemini/.gemini/tmp/p/chats/s.json",
		"data/opencode/opencode.db", "kimi/sessions/h/1/wire.jsonl", "kimicode/sessions/w/s/agents/main/wire.jsonl")
	environ := map[string]string{
		"CLAUDE_CONFIG_DIR": other + "/claude", "CODEX_HOME": other + "/codex", "GEMINI_CLI_HOME": other + "/gemini",
		"XDG_DATA_HOME": other + "/data", "KIMI_SHARE_DIR": other + "/kimi", "KIMI_CODE_HOME": other + "/kimicode",
	}
	require.Equal(t, map[string]int{"claude-code": 1, "codex": 1, "gemini-cli": 1, "opencode": 1, "kimi": 2}, sessions(Agents(machine(home, environ))))
	for name := range environ {
		require.Contains(t, Variables(), name)
	}
	delete(environ, "XDG_DATA_HOME")
	environ["OPENCODE_DB"] = other + "/data/opencode/opencode.db"
	require.Contains(t, sessions(Agents(machine(home, environ))), "opencode")
}

func TestAgentsCanBeNamed(t *testing.T) {
	home, repositories := t.TempDir(), t.TempDir()
	write(t, home, ".codex/sessions/2026/05/17/rollout-1.jsonl")
	write(t, repositories, "shop/.aider.chat.history.md")
	all := Agents(machine(home, nil))
	chosen, err := Choose(all, []string{"codex", "aider=" + repositories})
	require.NoError(t, err)
	require.Equal(t, map[string]int{"codex": 1, "aider": 1}, sessions(chosen))
	for _, bad := range []string{"claude-code", "claudecod", "aider", "aider=" + home + "/none"} {
		_, err := Choose(all, []string{bad})
		require.True(t, fault.Is(err, fault.Invalid), bad)
	}
	_, err = Choose(all, []string{"claude-cod"})
	require.ErrorContains(t, err, "did you mean claude-code?")
}

func TestFoldersBehindLinksAreNotFollowed(t *testing.T) {
	home, other := t.TempDir(), t.TempDir()
	write(t, other, "secret.jsonl")
	write(t, home, ".claude/projects/-w/1.jsonl")
	require.NoError(t, os.Symlink(other, filepath.Join(home, ".claude/projects/-link")))
	require.Equal(t, map[string]int{"claude-code": 1}, sessions(Agents(machine(home, nil))))
}

func TestTheLimitsOfTheSystemAreNamed(t *testing.T) {
	require.Contains(t, limitHint(&os.PathError{Op: "add", Path: "x", Err: syscall.ENOSPC}), "fs.inotify.max_user_watches")
	require.Contains(t, limitHint(syscall.EMFILE), "fs.inotify.max_user_instances")
}

func TestWhereTheStateIsKept(t *testing.T) {
	require.Equal(t, "/home/ada/.local/state/lethe/sync.json", StateFile(machine("/home/ada", nil)))
	require.Equal(t, "/state/lethe/sync.json", StateFile(machine("/home/ada", map[string]string{"XDG_STATE_HOME": "/state"})))
	require.Empty(t, StateFile(machine("", nil)))
	mac := machine("/Users/ada", nil)
	mac.OS = "darwin"
	require.Equal(t, "/Users/ada/Library/Application Support/lethe/sync.json", StateFile(mac))
}
