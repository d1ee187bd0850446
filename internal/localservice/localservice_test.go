//go:build unix

package localservice

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/fault"
)

const url = "http://127.0.0.1:8787"

func find(t *testing.T, folder string) []Service {
	t.Helper()
	all, err := Find(folder)
	require.NoError(t, err)
	return all
}

func TestAServiceIsFoundWhileItsFileIsThere(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a [new] folder")
	require.Empty(t, find(t, folder))
	require.Empty(t, find(t, ""))
	token := NewToken()
	announced, err := Announce(folder, url, token)
	require.NoError(t, err)
	require.Equal(t, []Service{{URL: url, PID: os.Getpid(), Token: token, File: announced.File}}, find(t, folder))
	for path, mode := range map[string]os.FileMode{announced.File: 0o600, folder: 0o700} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm(), path)
	}
	another, err := Announce(folder, "http://127.0.0.1:9000", NewToken())
	require.NoError(t, err)
	require.Len(t, find(t, folder), 2, "one process may run two")
	for range 2 {
		require.NoError(t, announced.Remove())
	}
	require.NoError(t, another.Remove())
	require.Empty(t, find(t, folder))
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, left)
	require.NoError(t, Service{}.Remove())
}

// A file whose process has ended, or whose number another process has now, is not
// believed, and the next service deletes it.
func TestAFileOutlivesNoProcess(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.Chmod(folder, 0o700))
	ended := exec.CommandContext(t.Context(), "true")
	require.NoError(t, ended.Run())
	mine, err := startOf(os.Getpid())
	require.NoError(t, err)
	for name, r := range map[string]record{
		"ended":   {Version: version, URL: url, PID: ended.Process.Pid, Start: mine, Token: "t"},
		"reused":  {Version: version, URL: url, PID: os.Getpid(), Start: "another boot 1", Token: "t"},
		"version": {Version: version + 1, URL: url, PID: os.Getpid(), Start: mine, Token: "t"},
		"nobody":  {Version: version, URL: url, Start: mine, Token: "t"},
	} {
		data, err := json.Marshal(r)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, name+".json"), data, 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(folder, "half.json"), []byte(`{"version":1`), 0o600))
	require.Empty(t, find(t, folder))
	_, err = Announce(folder, url, NewToken())
	require.NoError(t, err)
	require.Len(t, find(t, folder), 1)
	for _, swept := range []string{"ended", "reused"} {
		require.NoFileExists(t, filepath.Join(folder, swept+".json"))
	}
}

// A file that others can write or read is ignored, and no token is written where others can read it.
func TestOnlyWhatIsPrivateIsBelieved(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	announced, err := Announce(folder, url, NewToken())
	require.NoError(t, err)
	require.Len(t, find(t, folder), 1)

	require.NoError(t, os.Chmod(announced.File, 0o644))
	require.Empty(t, find(t, folder), "a file that others read")
	require.NoError(t, os.Chmod(announced.File, 0o600))
	require.NoError(t, os.Chmod(folder, 0o777))
	require.Empty(t, find(t, folder), "a folder that others write")
	_, err = Announce(folder, url, NewToken())
	require.NoError(t, err)
	info, err := os.Stat(folder)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), "it is closed before a token is written")

	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(folder, link))
	require.Empty(t, find(t, link), "a link that somebody may have put there")
	_, err = Announce(link, url, NewToken())
	require.True(t, fault.Is(err, fault.Forbidden), "%v", err)

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = Announce(file, url, NewToken())
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
	require.Contains(t, fault.Message(err), "LETHE_RUNTIME_DIR")
}

func TestProofs(t *testing.T) {
	a, b := NewToken(), NewToken()
	require.NotEqual(t, a, b)
	require.GreaterOrEqual(t, len(a), 50)
	require.NotContains(t, strings.ToUpper(Prove(a, "x")), a)
	require.True(t, IsProof(a, "x", Prove(a, "x")))
	for _, wrong := range []string{"", "x", Prove(b, "x"), Prove(a, "y")} {
		require.False(t, IsProof(a, "x", wrong))
	}
}
