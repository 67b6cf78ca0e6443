// Package throttle keeps what happens over and over from filling a log.
//
// A [Throttle] is asked before each line. It is safe for concurrent use, takes no
// lock, and writes nothing itself.
package throttle

import (
	"sync/atomic"
	"time"
)

// every is how much time lies between two that pass, at least.
const every = time.Minute

// Throttle lets one event through a minute and counts the others. The zero value
// lets the first one through.
type Throttle struct {
	last   atomic.Int64 // when one passed, in Unix nanoseconds; 0 for never
	missed atomic.Uint64
}

// Pass reports whether the event, which happens now, may pass, and how many have
// not since the last one that did.
func (t *Throttle) Pass(now time.Time) (missed uint64, ok bool) {
	last, at := t.last.Load(), now.UnixNano()
	if last != 0 && at-last < int64(every) || !t.last.CompareAndSwap(last, at) {
		t.missed.Add(1)
		return 0, false
	}
	return t.missed.Swap(0), true
}
