package replica

import (
	"math/rand/v2"
	"time"
)

// How often the feed is asked for commits of other processes; our own wake us.
// While changes come they are looked for often; without them the interval grows,
// and stays well below what a change may take to be served, a second. Each look is
// paid for, by a thousand replicas as well.
const (
	pollBusy  = 100 * time.Millisecond
	pollIdle  = 400 * time.Millisecond
	busyFor   = 2 * time.Second
	pollAlone = 500 * time.Millisecond // where no other process can commit
	pollGrows = 1.25
)

// How long to wait after a failure: a store that comes back is found soon, also
// by the last of many replicas. What an attempt may take is bounded by probeTime.
const (
	backoffFirst = 50 * time.Millisecond
	backoffMost  = 400 * time.Millisecond
)

// pace decides when the store is asked next.
type pace struct {
	alone   bool // no other process can commit
	wait    time.Duration
	changed time.Time // when there was a change
	failed  int       // attempts in a row
}

// after takes note of what an attempt came to, and returns how long to wait until
// the next. The waits of many replicas differ, so that they do not ask in step.
func (p *pace) after(now time.Time, changes bool, err error) time.Duration {
	switch {
	case err != nil:
		p.failed++
		p.wait = min(backoffFirst<<min(p.failed-1, 10), backoffMost)
	case p.alone:
		p.failed, p.wait = 0, pollAlone
	case changes || p.failed > 0:
		p.failed, p.wait, p.changed = 0, pollBusy, now
	case now.Sub(p.changed) > busyFor:
		p.wait = min(time.Duration(float64(p.wait)*pollGrows), pollIdle)
	}
	return jitter(p.wait)
}

// jitter returns 0.8 to 1.2 times d.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}
