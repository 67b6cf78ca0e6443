package bolt

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// holder says which process holds the lock of the file, as " by process 12
// (name)", where /proc/locks tells (man 5 proc_locks); else it is empty.
func holder(path string) string {
	var st syscall.Stat_t
	if syscall.Stat(path, &st) != nil {
		return ""
	}
	f, err := os.Open("/proc/locks")
	if err != nil {
		return ""
	}
	defer f.Close()
	// The device is left out: file systems made of several show another one.
	inode := fmt.Sprintf(":%d", st.Ino)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 6 || fields[1] != "FLOCK" || !strings.HasSuffix(fields[5], inode) {
			continue
		}
		pid := fields[4]
		if pid == fmt.Sprint(os.Getpid()) {
			return " by this process"
		}
		name, err := os.ReadFile("/proc/" + pid + "/comm")
		if err != nil {
			return ""
		}
		return fmt.Sprintf(" by process %s (%s)", pid, strings.TrimSpace(string(name)))
	}
	return ""
}
