package frontend

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/internal/authority"
	"github.com/namelet/namelet/internal/frontend/tap"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// The oldest goes first, and is shed first.
func TestLater(t *testing.T) {
	l := newBacklog[postponed](laterMost)
	for i := range laterMost + 3 {
		place, shed := l.push()
		if shed != (i >= laterMost) || shed && string(place.message()) != fmt.Sprint(i-laterMost) {
			t.Fatalf("message %d: shed %v, in the place of %q", i, shed, place.message())
		}
		place.set(peer{}, netip.Addr{}, []byte(fmt.Sprint(i)), 0)
	}
	for i := range laterMost {
		if got, want := string(l.pop().message()), fmt.Sprint(i+3); got != want {
			t.Fatalf("got message %s, want %s", got, want)
		}
	}
	if l.count != 0 {
		t.Errorf("got %d left, want none", l.count)
	}
}

// A flood of names that nobody can compute fast enough does not keep what is known
// from being answered.
func TestFloodLeavesKnownNamesAlone(t *testing.T) {
	const asks, perAsk = 200, 8
	answer := example(t)
	var computed atomic.Int64
	var late lateTap
	s := serve(t, Config{Workers: 1, CacheBytes: 1 << 20, Tap: &late}, handler(func(q authority.Question, c resolve.Client, resp *resolve.Response) {
		if q.Name.Equal(rr.MustParseName("known.example")) {
			resp.Trace.Cacheable, resp.Trace.Known = true, true
		} else {
			computed.Add(1)
			time.Sleep(2 * time.Millisecond)
		}
		answer(q, c, resp)
	}))
	flood, known := dial(t, "udp", s.Addrs()[0]), dial(t, "udp", s.Addrs()[0])
	exchangeOn(t, known, question(t, 0, "known.example.", dns.TypeA))

	var answered atomic.Int64
	done := make(chan struct{})
	go func() { // reads what comes, until nothing does
		defer close(done)
		buf := make([]byte, 512)
		_ = known.SetReadDeadline(time.Now().Add(patience))
		for answered.Load() < asks {
			n, err := known.Read(buf)
			if err != nil {
				return
			}
			if n >= headerLen && binary.BigEndian.Uint16(buf[6:]) == 1 {
				answered.Add(1)
			}
		}
	}()
	for i := range asks {
		for k := range perAsk {
			send(t, flood, question(t, uint16(i), fmt.Sprintf("x%d-%d.example.", i, k), dns.TypeA))
		}
		send(t, known, question(t, uint16(i), "known.example.", dns.TypeA))
		time.Sleep(time.Millisecond)
	}
	select {
	case <-done:
	case <-time.After(patience):
	}
	if got := computed.Load(); got == asks*perAsk {
		t.Errorf("all %d questions of the flood were computed first: this was no flood", got)
	}
	if got := answered.Load(); got < asks*99/100 {
		t.Errorf("got %d of %d known names answered", got, asks)
	}
	// What was left for later has waited, and that is told.
	for end := time.Now().Add(patience); waited(s.metrics, lateTime) == 0 || late.shown.Load() == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no answer is told to have taken longer than %v by both the metrics and the tap", lateTime)
		}
	}
}

// lateTime is what an answer that was left for later takes, under a flood, at least.
const lateTime = 250 * time.Millisecond

// lateTap counts the exchanges that took longer.
type lateTap struct{ shown atomic.Int64 }

func (l *lateTap) Take(x *tap.Exchange) {
	if x.Answered.Sub(x.Arrived) > lateTime {
		l.shown.Add(1)
	}
}

// waited counts the measured answers from records that took longer than d, which is
// one of the bounds.
func waited(m *Metrics, d time.Duration) (n uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range m.workers {
		for i := slices.Index(durationBounds[:], d) + 1; i <= len(durationBounds); i++ {
			n += w.took[pathStatic].in[i].n.Load()
		}
	}
	return n
}
