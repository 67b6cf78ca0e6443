package runtime

import (
	"time"

	"golang.org/x/sys/unix"
)

// asideSlice is how long the system lets a thread aside run at once where nobody wants the processor. It is the most that can be
// said. Whoever has less, as all others do, need not wait for its end when there is something to do for
// him (sched_setattr(2), since Linux 6.12; before, he waits for up to 4 ms).
const asideSlice = 100 * time.Millisecond

// makeNice lets the calling thread wait for others, unless it does so already. Where it may not be changed it goes
// on as before.
func makeNice(nice int) {
	kernel, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err == nil && 20-kernel >= nice {
		return
	}
	attr := unix.SchedAttr{Policy: unix.SCHED_NORMAL, Nice: int32(nice), Runtime: uint64(asideSlice)}
	if unix.SchedSetAttr(0, &attr, 0) != nil {
		_ = unix.Setpriority(unix.PRIO_PROCESS, 0, nice)
	}
}
