package localservice

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// startField is the index of the start time among the fields of /proc/PID/stat after the
// name (it is the 22nd field of all). Its unit is clock ticks since the boot.
const startField = 19

// startOf returns the boot id and the start time of a process since the boot. It
// distinguishes the process from others that had the same id.
func startOf(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	_, after, found := cutLast(string(stat), ")") // the name may contain brackets
	fields := strings.Fields(after)
	if !found || len(fields) <= startField {
		return "", errors.New("/proc/PID/stat has an unexpected format")
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(boot)) + " " + fields[startField], nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
