package meter

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is the processor time of the calling thread, so that what else the machine does is left
// out of a measurement.
func threadTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		panic(err)
	}
	return time.Duration(ts.Nano())
}
