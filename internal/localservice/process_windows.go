package localservice

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// stillActive is the exit code of a process that has not ended.
const stillActive = 259

// startOf tells a process from every other that has or had its number: when it was
// started, in units of 100 ns.
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
	var made, exited, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(process, &made, &exited, &kernel, &user); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d.%d", made.HighDateTime, made.LowDateTime), nil
}
