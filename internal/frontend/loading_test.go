package frontend

import (
	"testing"
	"time"
)

// What waits for the code of guests, however much of it, leaves slow workers to what
// waits for the store, and the other way round.
func TestCodeAndStoreAreWaitedForApart(t *testing.T) {
	d := newDistant()
	s := serveDistant(t, Config{Workers: 1, Slow: SlowConfig{Workers: 1}, CacheBytes: 1 << 20}, d)
	conn := dial(t, "udp", s.Addrs()[0])
	for id, qname := range []string{"a.code.far.example.", "b.code.far.example.", "a.far.example.", "b.far.example."} {
		askFor(t, conn, id, qname)
	}
	d.begun(t, 2)
	for end := time.Now().Add(patience); s.slow.waiting() != 1 || s.loading.waiting() != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d wait for the store and %d for code, want one for each", s.slow.waiting(), s.loading.waiting())
		}
	}
	if got := scrape(t, s.Metrics())["responder_slow_queries_waiting"]; got != 2 {
		t.Errorf("got %v that wait, want 2", got)
	}
	d.release()
	seen := map[int]bool{}
	for range 4 {
		seen[int(id(t, conn))] = true
	}
	if len(seen) != 4 {
		t.Errorf("got answers %v, want all four", seen)
	}
}
