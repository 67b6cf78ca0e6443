package resolve

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// errOpen is the failure of a question whose guest is not called, since the
// attachment's circuit breaker is open.
var errOpen = errors.New("resolve: the circuit breaker of the attachment is open")

// When a breaker opens and closes; see docs/adr/0003.
const (
	breakerWindow    = 10 * time.Second // failures and calls are held against each other over so long
	breakerEarliest  = time.Second      // and not before so much of that is over: a burst of failures is no rate
	breakerQuestions = 20               // so many different questions have to fail within it
	breakerPerSecond = 100              // failures a second that open it whatever the rate: each may cost an instance
	breakerLeast     = time.Second      // how long it is open at first
	breakerMost      = 30 * time.Second // how long at most: twice as long each time that a probe fails
	breakerProbes    = 5                // calls one after another that must succeed to close it
)

// BreakerState says whether an attachment's guest is asked. The zero value is
// closed.
type BreakerState uint8

const (
	BreakerClosed   BreakerState = iota // the guest is asked
	BreakerOpen                         // the fallback answers
	BreakerHalfOpen                     // one question at a time is put to the guest, the others get the fallback
)

var breakerNames = [...]string{"closed", "open", "half_open"}

// BreakerStates are all states.
var BreakerStates = [...]BreakerState{BreakerClosed, BreakerOpen, BreakerHalfOpen}

// String gives the state as a label of a metric.
func (s BreakerState) String() string { return breakerNames[s] }

// breaker keeps a guest that fails on most of what it is asked, or too often, from
// being asked by any Worker. While it is closed a call reads one number that does
// not change; only failures take the lock.
type breaker struct {
	retry   atomic.Int64 // when it may be tried, in Unix nanoseconds; 0 where it is closed
	probing atomic.Int64 // since when somebody tries, in Unix nanoseconds; 0 where nobody does
	opened  atomic.Uint64

	mu        sync.Mutex
	window    time.Time // the beginning of the time over which failures count
	calls     uint64    // made before it
	failures  uint64    // in it
	questions map[uint64]struct{}
	second    time.Time // the beginning of a second
	inSecond  int       // failures in it
	passed    int       // probes in a row
	wait      time.Duration
}

// Breaker is where an attachment's circuit breaker stands.
type Breaker struct {
	State  BreakerState
	Opened uint64 // times that it opened after it had been closed
}

// Breaker returns where the circuit breaker stands now.
func (a *Attachment) Breaker() Breaker {
	b := &a.breaker
	now := Breaker{Opened: b.opened.Load()}
	if retry := b.retry.Load(); retry != 0 && time.Now().UnixNano() < retry {
		now.State = BreakerOpen
	} else if retry != 0 {
		now.State = BreakerHalfOpen
	}
	return now
}

// allow reports whether the guest may be called, and whether that call is a probe,
// whose end must be told to probed.
func (b *breaker) allow() (probe, ok bool) {
	retry := b.retry.Load()
	if retry == 0 {
		return false, true
	}
	now, since := time.Now().UnixNano(), b.probing.Load()
	// A probe that lasts so long ended in a panic.
	if now < retry || since != 0 && now-since < int64(breakerMost) || !b.probing.CompareAndSwap(since, now) {
		return false, false
	}
	if b.retry.Load() != retry { // it was tried in between
		b.probing.Store(0)
		return false, false
	}
	return true, true
}

// failed counts a failure of a call that was no probe, and reports whether the
// breaker opened by it. calls gives how many the attachment has seen.
func (b *breaker) failed(question uint64, now time.Time, calls func() uint64) (opened bool, failures, of uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.retry.Load() != 0 {
		return false, 0, 0
	}
	if now.Sub(b.window) >= breakerWindow {
		b.window, b.calls, b.failures = now, calls()-1, 0
		b.questions = map[uint64]struct{}{}
	}
	if now.Sub(b.second) >= time.Second {
		b.second, b.inSecond = now, 0
	}
	b.failures++
	b.inSecond++
	if len(b.questions) < breakerQuestions {
		b.questions[question] = struct{}{}
	}
	of = calls() - b.calls
	often := now.Sub(b.window) >= breakerEarliest && len(b.questions) >= breakerQuestions && 2*b.failures >= of
	if !often && b.inSecond < breakerPerSecond {
		return false, 0, 0
	}
	b.wait, b.passed = breakerLeast, 0
	b.retry.Store(now.Add(b.wait).UnixNano())
	b.opened.Add(1)
	return true, b.failures, of
}

// abandon ends a probe that came to no call.
func (b *breaker) abandon() { b.probing.Store(0) }

// probed ends a probe, and reports whether the breaker closed by it.
func (b *breaker) probed(err error, now time.Time) (closed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.probing.Store(0)
	if err != nil {
		b.wait, b.passed = min(2*b.wait, breakerMost), 0
		b.retry.Store(now.Add(b.wait).UnixNano())
		return false
	}
	if b.passed++; b.passed < breakerProbes {
		return false
	}
	b.window, b.second = time.Time{}, time.Time{}
	b.retry.Store(0)
	return true
}
