package autostart

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/fault"
)

var update = flag.Bool("update", false, "write the golden files anew")

var program = Program{
	Name: "lethe-sync", Title: "Lethe, sessions of coding agents", Installer: "lethe sync --install",
	Command:     []string{"/home/ada/my bin/lethe", "sync", "--source", "codex=/data/100% $HOME \"x\""},
	Environment: []string{"CODEX_HOME=/data/codex", "LETHE_DATA_DIR=/data/a & b"},
}

func TestTheFilesAreAsTheyShouldBe(t *testing.T) {
	for system, name := range map[string]string{"linux": "lethe-sync.service", "darwin": "com.github.lethe-chat.lethe-sync.plist"} {
		plan, err := PlanFor(System{OS: system, Home: "/home/ada"}, program)
		require.NoError(t, err)
		require.Equal(t, name, filepath.Base(plan.Path))
		golden := filepath.Join("testdata", name)
		if *update {
			require.NoError(t, os.WriteFile(golden, plan.Content, 0o600))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		require.Equal(t, string(want), string(plan.Content))
	}
}

func TestOtherSystemsGetAdvice(t *testing.T) {
	for _, system := range []string{"windows", "plan9"} {
		_, err := PlanFor(System{OS: system, Home: `C:\Users\Ada`}, program)
		require.True(t, fault.Is(err, fault.Invalid))
		require.ErrorContains(t, err, "lethe sync")
	}
	_, err := PlanFor(System{OS: "linux"}, program)
	require.True(t, fault.Is(err, fault.Invalid))
}

func TestExactlyWhatWasWrittenIsTakenAway(t *testing.T) {
	for _, system := range []string{"linux", "darwin"} {
		home := t.TempDir()
		plan, err := PlanFor(System{OS: system, Home: home}, program)
		require.NoError(t, err)
		require.NoError(t, plan.Delete(), "nothing is there")
		beside := filepath.Join(filepath.Dir(plan.Path), "other.service")
		require.NoError(t, plan.Write())
		require.NoError(t, os.WriteFile(beside, []byte("x"), 0o600))
		require.NoError(t, plan.Write(), "again")
		there, err := plan.Installed()
		require.NoError(t, err)
		require.True(t, there)
		info, err := os.Stat(plan.Path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		require.NoError(t, plan.Delete())
		require.NoFileExists(t, plan.Path)
		require.FileExists(t, beside)
	}
}

func TestAFileOfSomebodyElseIsLeft(t *testing.T) {
	plan, err := PlanFor(System{OS: "linux", Home: t.TempDir()}, program)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Dir(plan.Path), 0o700))
	require.NoError(t, os.WriteFile(plan.Path, []byte("[Unit]\n"), 0o600))
	require.True(t, fault.Is(plan.Write(), fault.Conflict))
	require.True(t, fault.Is(plan.Delete(), fault.Conflict))
	require.FileExists(t, plan.Path)
}
