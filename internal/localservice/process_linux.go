package localservice

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// startField is the time of the start among the fields of /proc/PID/stat that
// follow the name: the 22nd of all, in clock ticks since the boot.
const startField = 19

// startOf tells a process from every other that has or had its number: when it was
// started, counted from the boot, and which boot that was.
func startOf(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	_, after, found := cutLast(string(stat), ")") // a name may have brackets in it
	fields := strings.Fields(after)
	if !found || len(fields) <= startField {
		return "", errors.New("/proc has another format than expected")
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
