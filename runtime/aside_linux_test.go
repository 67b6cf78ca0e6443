package runtime

import (
	"testing"

	"golang.org/x/sys/unix"
)

// Others go before what runs aside, and the threads that others run on stay as they are.
func TestAsideIsNice(t *testing.T) {
	nice := func() int {
		kernel, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
		if err != nil {
			t.Error(err)
		}
		return 20 - kernel
	}
	before := nice()
	for range 20 {
		within := 0
		aside(func() { within = nice() })
		if want := max(before, asideNice); within != want {
			t.Errorf("nice is %d aside, want %d", within, want)
		}
		if got := nice(); got != before {
			t.Errorf("nice is %d afterwards, want %d", got, before)
		}
	}
}
