//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// installer is a user of the command line on a system. It records commands of the system and does not run them.
type installer struct {
	t      *testing.T
	home   string
	system string
	ran    []string
}

func (i *installer) lethe(want int, environ []string, args ...string) (stdout, stderr string) {
	i.t.Helper()
	var out, said strings.Builder
	p := &program{
		environ: append([]string{"HOME=" + i.home}, environ...), stdout: &out, stderr: &said, stdin: strings.NewReader(""),
		system: i.system, self: "/opt/lethe",
		runner: func(command []string) error { i.ran = append(i.ran, strings.Join(command, " ")); return nil },
	}
	require.Equal(i.t, want, p.run(i.t.Context(), args), "%v\n%s", args, said.String())
	return out.String(), said.String()
}

// files returns the files in the home folder.
func (i *installer) files() (names []string) {
	require.NoError(i.t, filepath.Walk(i.home, func(name string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			names = append(names, strings.TrimPrefix(name, i.home+"/"))
		}
		return err
	}))
	return names
}

func TestTheServiceIsInstalledAndTakenAway(t *testing.T) {
	for system, want := range map[string]struct{ file, start, stop string }{
		"linux":  {".config/systemd/user/lethe.service", "systemctl --user enable --now lethe.service", "systemctl --user disable --now lethe.service"},
		"darwin": {"Library/LaunchAgents/com.github.lethe-chat.lethe.plist", "launchctl load -w ", "launchctl unload -w "},
	} {
		i := &installer{t: t, home: t.TempDir(), system: system}
		environ := []string{"LETHE_DATA_DIR=/data/lethe", "LETHE_LLM_API_KEY=0123456789abcdefsecret"}
		out, _ := i.lethe(exitOK, environ, "service", "install", "--dry-run")
		require.Contains(t, out, want.file)
		require.Contains(t, out, "/opt/lethe")
		require.Empty(t, i.files())
		require.Empty(t, i.ran)

		out, stderr := i.lethe(exitOK, environ, "service", "install")
		require.Contains(t, out, "Wrote "+filepath.Join(i.home, want.file))
		require.Contains(t, out, "lethe service install --uninstall")
		require.Contains(t, stderr, "LETHE_LLM_API_KEY")
		require.Equal(t, []string{want.file}, i.files())
		require.Contains(t, strings.Join(i.ran, "\n"), want.start)
		content, err := os.ReadFile(filepath.Join(i.home, want.file))
		require.NoError(t, err)
		require.Contains(t, string(content), "/data/lethe")
		require.NotContains(t, string(content)+out+stderr, "secret\"")
		require.NotContains(t, string(content)+out+stderr, "0123456789abcdef")

		i.ran = nil
		out, _ = i.lethe(exitOK, nil, "service", "install", "--uninstall")
		require.Contains(t, out, "Deleted "+filepath.Join(i.home, want.file))
		require.Empty(t, i.files())
		require.Contains(t, i.ran[0], want.stop)
		out, _ = i.lethe(exitOK, nil, "service", "install", "--uninstall")
		require.Contains(t, out, "Nothing is installed")
	}
}

func TestSyncIsInstalledAndTakenAway(t *testing.T) {
	a := newAgents(t)
	a.writes("s1", 0, "Where is the spare key?", "Under the flowerpot.")
	i := &installer{t: t, home: a.home, system: "linux"}
	_, stderr := i.lethe(exitFailure, nil, "sync", "--install")
	require.Contains(t, stderr, "add --yes", "nobody can be asked later")
	out, _ := i.lethe(exitOK, nil, "sync", "--install", "--dry-run", "--source", "claude-code")
	require.Contains(t, out, `ExecStart="/opt/lethe" "sync" "--source" "claude-code"`)
	out, _ = i.lethe(exitOK, []string{"CODEX_HOME=/data/codex"}, "sync", "--install", "--yes")
	unit := filepath.Join(a.home, ".config/systemd/user/lethe-sync.service")
	require.Contains(t, out, "Wrote "+unit)
	require.Contains(t, out, "`lethe sync --uninstall` undoes this")
	content, err := os.ReadFile(unit)
	require.NoError(t, err)
	require.Contains(t, string(content), `Environment="CODEX_HOME=/data/codex"`)
	i.lethe(exitOK, nil, "sync", "--uninstall")
	require.NoFileExists(t, unit)
	require.FileExists(t, a.file("s1"))
	_, stderr = i.lethe(exitFailure, nil, "sync", "--install", "--yes", "--key", "lethe-0123456789")
	require.Contains(t, stderr, "must not contain a key")
}

func TestWindowsGetsAdvice(t *testing.T) {
	i := &installer{t: t, home: t.TempDir(), system: "windows"}
	_, stderr := i.lethe(exitFailure, nil, "service", "install")
	require.Contains(t, stderr, "Task Scheduler")
}
