package resolve

import (
	"sync"
	"testing"
	"time"
)

// A guest that is called whenever it may be burns its rate, after the burst that
// it begins with, and no call before the first is paid for is held against it.
func TestBudget(t *testing.T) {
	for _, test := range []struct {
		rate, call uint64
		seconds    int64
		want       uint64 // calls
	}{
		{rate: 1000, call: 1, seconds: 4, want: 4250},
		{rate: 1000, call: 250, seconds: 4, want: 17},
		{rate: 1000, call: 5000, seconds: 20, want: 5}, // one call is worth five seconds, and is never refused for good
		{rate: 1, call: 1 << 63, seconds: 7200, want: 3},
	} {
		var b budget
		calls := uint64(0)
		step := int64(time.Millisecond) / 2
		for now := int64(0); now <= test.seconds*int64(time.Second); now += step {
			for !b.exhausted(now) {
				b.burn(test.call, test.rate, now)
				calls++
			}
		}
		if calls < test.want || calls > test.want+1 {
			t.Errorf("rate %d, %d units a call, %d s: got %d calls, want %d", test.rate, test.call, test.seconds, calls, test.want)
		}
	}
}

// What is not used is not saved up.
func TestBudgetAfterSilence(t *testing.T) {
	var b budget
	now, calls := int64(time.Hour), 0
	for !b.exhausted(now) {
		b.burn(1, 1000, now)
		calls++
	}
	if calls != 250 {
		t.Errorf("got %d calls at once, want 250", calls)
	}
}

// Workers that burn at the same time lose nothing.
func TestBudgetIsShared(t *testing.T) {
	var b budget
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 1000 {
				b.burn(1, 1000, 0)
			}
		})
	}
	group.Wait()
	if got := b.paid.Load(); got != int64(4*time.Second) {
		t.Errorf("4000 units at 1000 a second: paid until %v, want 4 s", time.Duration(got))
	}
}
