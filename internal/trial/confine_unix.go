//go:build unix

package trial

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// apart puts a process into a group of its own, which confine lowers as a whole.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// confine bounds this process and makes it give way to all others.
func confine() error {
	seconds := uint64(maxTime.Seconds())
	for _, limit := range []struct {
		what string
		id   int
		most uint64
	}{
		{"processor", unix.RLIMIT_CPU, seconds},
		{"memory", unix.RLIMIT_DATA, maxMemory},
		{"files", unix.RLIMIT_FSIZE, maxFile},
		{"core dumps", unix.RLIMIT_CORE, 0},
		{"open files", unix.RLIMIT_NOFILE, 64},
	} {
		if err := setLimit(limit.id, limit.most); err != nil {
			return fmt.Errorf("trial: limit on %s: %w", limit.what, err)
		}
	}
	// The group is this process alone; naming it reaches all its threads.
	if err := unix.Setpriority(unix.PRIO_PGRP, 0, 19); err != nil {
		return fmt.Errorf("trial: priority: %w", err)
	}
	// Linux: where memory is short, this process goes before the server. Elsewhere there is no such file.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	return nil
}
