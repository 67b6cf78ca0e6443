package throttle

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestOneAMinutePasses(t *testing.T) {
	var throttle Throttle
	begin := time.Unix(1_700_000_000, 0)
	for _, step := range []struct {
		after  time.Duration
		missed uint64
		ok     bool
	}{
		{0, 0, true},
		{0, 0, false},
		{59 * time.Second, 0, false},
		{60 * time.Second, 2, true},
		{61 * time.Second, 0, false},
		{10 * time.Minute, 1, true},
		{11 * time.Minute, 0, true},
	} {
		if missed, ok := throttle.Pass(begin.Add(step.after)); missed != step.missed || ok != step.ok {
			t.Errorf("after %v: got %d, %v, want %d, %v", step.after, missed, ok, step.missed, step.ok)
		}
	}
}

// Of events at the same time one passes, and none is forgotten.
func TestEventsAtTheSameTime(t *testing.T) {
	const goroutines, each = 8, 1000
	var throttle Throttle
	var passed atomic.Int64
	var group sync.WaitGroup
	now := time.Unix(1_700_000_000, 0)
	for range goroutines {
		group.Go(func() {
			for range each {
				if _, ok := throttle.Pass(now); ok {
					passed.Add(1)
				}
			}
		})
	}
	group.Wait()
	if missed, ok := throttle.Pass(now.Add(time.Minute)); passed.Load() != 1 || !ok || missed > goroutines*each-1 || missed < goroutines*each-goroutines {
		t.Errorf("%d passed, then %d missed and %v", passed.Load(), missed, ok)
	}
}
