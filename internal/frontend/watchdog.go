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
	reported  int64        // the since that was logged; the watchdog's own
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

// run looks at the workers until done is closed.
func (w *watchdog) run(done <-chan struct{}) {
	ticker := time.NewTicker(min(watchEvery, w.after/2))
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

// look logs each worker that is stuck, once, with its stack.
func (w *watchdog) look(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	stuck := false
	for _, p := range w.pulses {
		since := p.since.Load()
		has := now.Sub(time.Unix(0, since))
		if since == 0 || has < w.after {
			continue
		}
		stuck = true
		if p.reported == since {
			continue
		}
		p.reported = since
		w.found.Add(1)
		w.log.Error("a worker is stuck: it answers nobody", "worker", p.worker, "for", has.Round(time.Millisecond), "stack", stackOf(p.goroutine))
	}
	w.stuck.Store(stuck)
}

// count returns how many workers are stuck, and for how long the first of them has
// been.
func (w *watchdog) count(now time.Time) (n int, longest time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.pulses {
		if since := p.since.Load(); since != 0 {
			if has := now.Sub(time.Unix(0, since)); has >= w.after {
				n, longest = n+1, max(longest, has)
			}
		}
	}
	return n, longest
}

// Stuck returns how many workers have had one question in hand for longer than any
// should take, and the longest such time.
func (s *Server) Stuck() (workers int, longest time.Duration) { return s.watchdog.count(time.Now()) }

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
