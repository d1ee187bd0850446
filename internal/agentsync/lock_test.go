package agentsync

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/fault"
)

// Only one program uses a state at a time; the second is told which process the first is.
func TestAStateIsLocked(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lethe", "sync.json")
	release, err := LockState(file)
	require.NoError(t, err)
	_, err = LockState(file)
	require.True(t, fault.Is(err, fault.Conflict), "%v", err)
	require.ErrorContains(t, err, fmt.Sprintf("another `lethe sync` (process %d) is running", os.Getpid()))
	release()
	release, err = LockState(file)
	require.NoError(t, err)
	release()
}
