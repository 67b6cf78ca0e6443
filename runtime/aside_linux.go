package runtime

import "golang.org/x/sys/unix"

// makeNice lets the calling thread wait for others, unless it does so already. Where it may not be changed it goes
// on as before.
func makeNice(nice int) {
	if kernel, err := unix.Getpriority(unix.PRIO_PROCESS, 0); err == nil && 20-kernel >= nice {
		return
	}
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, nice)
}
