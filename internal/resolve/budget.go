package resolve

import (
	"errors"
	"sync/atomic"
	"time"
)

// errExhausted is the failure of a question whose guest is not called, since the
// attachment has burnt more fuel than its rate allows.
var errExhausted = errors.New("resolve: the attachment has burnt the fuel of this second")

// errBusy is the failure of a question whose guest is not called, since as many
// calls run as the attachment may have at the same time.
var errBusy = errors.New("resolve: as many calls of the attachment run as may")

// enter begins a call, unless as many run as may.
func (a *Attachment) enter() bool {
	if a.Concurrency > 0 && a.running.Add(1) > int64(a.Concurrency) {
		a.running.Add(-1)
		return false
	}
	return true
}

// leave ends a call that enter began.
func (a *Attachment) leave() {
	if a.Concurrency > 0 {
		a.running.Add(-1)
	}
}

// fuelBurst is how far ahead of its rate an attachment may be: a rate of a
// million units a second allows a quarter of a million at once.
const fuelBurst = int64(time.Second / 4)

// budget bounds the fuel that all Workers together burn for one attachment in a
// second. It is one number, the time until which the fuel that was burnt is paid
// for by the rate: so no Worker waits for another, and fuel that is not used is
// not saved up.
type budget struct {
	paid atomic.Int64 // nanoseconds since started
}

var started = time.Now()

func sinceStart() int64 { return int64(time.Since(started)) }

// exhausted reports whether more was burnt at the time now than there is fuel for.
func (b *budget) exhausted(now int64) bool { return b.paid.Load()-now >= fuelBurst }

// burn counts units of fuel, of which rate are allowed in a second. The last call
// before the budget is exhausted may go beyond it, and is paid for later.
func (b *budget) burn(units, rate uint64, now int64) {
	cost := int64(min(float64(units)/float64(rate), 3600) * float64(time.Second))
	for {
		paid := b.paid.Load()
		if b.paid.CompareAndSwap(paid, max(paid, now)+cost) {
			return
		}
	}
}
