package runtime

import (
	goruntime "runtime"
	"testing"
	"time"
)

// What runs aside has a place more, of however many run; it goes when none has run for a while.
func TestAsideHasAPlace(t *testing.T) {
	withoutSpare(t)
	s := &spareProc{}
	before := goruntime.GOMAXPROCS(0)
	s.wait(time.Minute) // for what is not there
	s.enter()
	s.enter()
	if got := goruntime.GOMAXPROCS(0); got != before+1 {
		t.Errorf("%d places while two run, want %d", got, before+1)
	}
	s.leave()
	s.drop() // as if it came late
	if got := goruntime.GOMAXPROCS(0); got != before+1 {
		t.Errorf("%d places while one runs, want %d", got, before+1)
	}
	s.wait(time.Millisecond)
	if got := goruntime.GOMAXPROCS(0); got != before+1 {
		t.Errorf("%d places while one runs, want %d", got, before+1)
	}
	s.leave()
	s.wait(time.Minute)
	for end := time.Now().Add(3 * spareLinger); goruntime.GOMAXPROCS(0) != before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d places when all is done, want %d", goruntime.GOMAXPROCS(0), before)
		}
	}
	s.enter()
	goruntime.GOMAXPROCS(before + 3) // somebody else's wish
	s.leave()
	s.end.Stop()
	s.drop()
	if got := goruntime.GOMAXPROCS(before); got != before+3 {
		t.Errorf("%d places, want the %d that were asked for", got, before+3)
	}
}

// withoutSpare waits until the process's own place is gone, which tests before may have left.
func withoutSpare(t *testing.T) {
	t.Helper()
	there := func() bool {
		spare.mu.Lock()
		defer spare.mu.Unlock()
		return spare.before != 0
	}
	for end := time.Now().Add(10 * spareLinger); there(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the place of an earlier test does not go")
		}
	}
}
