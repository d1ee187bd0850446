package localservice

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// stillActive is the exit code of a process that has not ended.
const stillActive = 259

// startOf returns the start time of a process in units of 100 ns. It distinguishes the
// process from others that had the same id.
func startOf(pid int) (string, error) {
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return "", err
	}
	defer func() { _ = windows.CloseHandle(process) }()
	var code uint32
	if err := windows.GetExitCodeProcess(process, &code); err != nil {
		return "", err
	}
	if code != stillActive {
		return "", fmt.Errorf("process %d has ended", pid)
	}
	var started, exited, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(process, &started, &exited, &kernel, &user); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d.%d", started.HighDateTime, started.LowDateTime), nil
}
