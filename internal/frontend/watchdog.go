package frontend

import (
	"bytes"
	"log/slog"
	goruntime "runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// stuckTime is how long a worker may have one question in hand: longer than any
	// wait for the store or for the code of a guest, which have bounds of their own.
	stuckTime = 5 * time.Second

	// watchEvery is how often the watchdog looks, at most.
	watchEvery = time.Second

	// The dump that the stack of one goroutine is looked for in, in octets.
	firstDump = 1 << 20
	mostDump  = 64 << 20
)

// pulse says whether a worker, which is one goroutine, gets on.
type pulse struct {
	worker    string       // for people
	goroutine []byte       // how its stack begins in a dump
	since     atomic.Int64 // when it took in hand what it has, in Unix nanoseconds; 0 for nothing

	// The watchdog's own, by mu.
	seen     int64         // the since of its last look
	held     time.Duration // how long it has seen that
	reported bool          // that was logged
}

// begin notes what the worker takes in hand, at the time now.
func (p *pulse) begin(now time.Time) { p.since.Store(now.UnixNano()) }

// end notes that the worker has nothing in hand.
func (p *pulse) end() { p.since.Store(0) }

// watchdog finds workers that have had one question in hand for too long: they answer
// nobody any more, and neither does their socket. It can do nothing for them but say
// so.
type watchdog struct {
	after time.Duration
	log   *slog.Logger
	found atomic.Uint64 // so far, each worker once a question
	stuck *atomic.Bool  // some worker is

	mu     sync.Mutex
	pulses []*pulse
	looked time.Time // last
}

// join makes the pulse of a worker, which is the goroutine that calls.
func (w *watchdog) join(worker string) *pulse {
	var head [64]byte
	text := head[:goruntime.Stack(head[:], false)]
	p := &pulse{worker: worker}
	if at := bytes.IndexByte(text, '['); at > 0 {
		p.goroutine = bytes.Clone(text[:at+1]) // "goroutine 34 ["
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pulses = append(w.pulses, p)
	return p
}

// every is how much time lies between two looks.
func (w *watchdog) every() time.Duration { return min(watchEvery, w.after/2) }

// run looks at the workers until done is closed.
func (w *watchdog) run(done <-chan struct{}) {
	ticker := time.NewTicker(w.every())
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case now := <-ticker.C:
			w.look(now)
		}
	}
}

// look logs each worker that is stuck, once, with its stack. What counts is for how
// many looks a worker had the same in hand, not what a clock says: where the whole
// process stood still, or the clock was set, nobody is stuck.
func (w *watchdog) look(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	passed := min(now.Sub(w.looked), w.every())
	w.looked = now
	stuck := false
	for _, p := range w.pulses {
		since := p.since.Load()
		if since == 0 || since != p.seen {
			p.seen, p.held, p.reported = since, 0, false
			continue
		}
		if p.held += passed; p.held < w.after {
			continue
		}
		stuck = true
		if p.reported {
			continue
		}
		p.reported = true
		w.found.Add(1)
		w.log.Error("a worker is stuck: it answers nobody", "worker", p.worker, "for", p.held.Round(time.Millisecond), "stack", stackOf(p.goroutine))
	}
	w.stuck.Store(stuck)
}

// count returns how many workers are stuck, and for how long the first of them has
// been.
func (w *watchdog) count() (n int, longest time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.pulses {
		if p.held >= w.after && p.since.Load() == p.seen {
			n, longest = n+1, max(longest, p.held)
		}
	}
	return n, longest
}

// Stuck returns how many workers have had one question in hand for longer than any
// should take, and the longest such time.
func (s *Server) Stuck() (workers int, longest time.Duration) { return s.watchdog.count() }

// stackOf returns the stack of the goroutine whose part of a dump begins so; empty
// where it is gone. Everything stands still meanwhile.
func stackOf(goroutine []byte) string {
	for size := firstDump; size <= mostDump; size *= 4 {
		dump := make([]byte, size)
		dump = dump[:goruntime.Stack(dump, true)]
		at := bytes.Index(dump, goroutine)
		if at < 0 || at > 0 && dump[at-1] != '\n' {
			if len(dump) < size {
				return ""
			}
			continue
		}
		own, _, _ := bytes.Cut(dump[at:], []byte("\n\n"))
		return string(own)
	}
	return ""
}
