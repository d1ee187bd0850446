package localservice

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// startOf returns the start time of a process in microseconds. It distinguishes the process
// from others that had the same id.
func startOf(pid int) (string, error) {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return "", err
	}
	if int(info.Proc.P_pid) != pid {
		return "", syscall.ESRCH
	}
	return fmt.Sprintf("%d.%06d", info.Proc.P_starttime.Sec, info.Proc.P_starttime.Usec), nil
}
