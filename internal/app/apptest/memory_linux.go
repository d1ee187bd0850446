package apptest

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// PeakMemory returns the peak resident memory of the process since its start, in bytes
// (VmHWM).
func (p *Process) PeakMemory(t testing.TB) int64 { return p.memory(t, "VmHWM:") }

// Memory returns the current resident memory of the process, in bytes (VmRSS).
func (p *Process) Memory(t testing.TB) int64 { return p.memory(t, "VmRSS:") }

func (p *Process) memory(t testing.TB, field string) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	require.NoError(t, err)
	_, rest, found := bytes.Cut(status, []byte(field))
	require.True(t, found, "the process has ended:\n%s", p.log)
	var kilobytes int64
	_, err = fmt.Fscan(bytes.NewReader(rest), &kilobytes)
	require.NoError(t, err)
	return kilobytes << 10
}
