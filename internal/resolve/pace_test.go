package resolve

import (
	"testing"
	"time"
)

// Loads take no more than their share in the long run, and no time is lost to the first.
func TestLoadPace(t *testing.T) {
	const took = 27 * time.Millisecond
	var p loadPace
	now := time.Unix(1, 0)
	began, waited := now, 0
	var loading time.Duration
	for i := range 1000 {
		now = now.Add(took)
		loading += took
		wait := p.after(took, now)
		if i < int(loadBurst/took) && wait > 0 {
			t.Fatalf("load %d waits %v", i, wait)
		}
		if wait > 0 {
			waited++
		}
		now = now.Add(wait)
	}
	if most := now.Sub(began)/loadShare + 2*loadBurst; loading > most {
		t.Errorf("of %v, %v went into loading, want at most %v", now.Sub(began), loading, most)
	}
	if waited < 900 {
		t.Errorf("%d of 1000 loads without a pause waited", waited)
	}
	if wait := p.after(took, now.Add(time.Minute)); wait != 0 {
		t.Errorf("after a minute a load waits %v", wait)
	}
}
