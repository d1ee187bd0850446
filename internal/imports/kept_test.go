package imports

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/fault"
)

// A temporary file has no name, so nothing of it stays when the program is killed.
func TestAKeptFileHasNoName(t *testing.T) {
	folder := t.TempDir()
	k, err := keep(folder, strings.NewReader("what somebody said"), 18)
	require.NoError(t, err)
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, left, map[bool]int{false: 0, true: 1}[k.named])
	text, err := io.ReadAll(k.reader())
	require.NoError(t, err)
	require.Equal(t, "what somebody said", string(text))
	require.EqualValues(t, 18, k.size)
	k.discard()
	left, err = os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, left)
}

// A transfer that fails and a file that is too large for the disk leave no file behind.
func TestAFileThatDoesNotArrive(t *testing.T) {
	folder := t.TempDir()
	cut := errors.New("cut")
	_, err := keep(folder, io.MultiReader(strings.NewReader("half"), iotest.ErrReader(cut)), 0)
	require.ErrorIs(t, err, cut)
	_, err = keep(folder, strings.NewReader("x"), 1<<60)
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
	require.ErrorContains(t, err, "the disk has too little room")
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, left)
}

// New removes what an earlier program could not remove.
func TestTheStartRemovesLeftovers(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "lethe-import-1"), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "mine"), nil, 0o600))
	New(Options{Folder: folder})
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.Equal(t, "mine", left[0].Name())
}
