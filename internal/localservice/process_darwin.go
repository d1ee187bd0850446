package localservice

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// startOf tells a process from every other that has or had its number: when it was
// started, to the microsecond.
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
