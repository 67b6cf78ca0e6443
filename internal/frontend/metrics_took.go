package frontend

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/namelet/namelet/internal/resolve"
)

// timedEvery is how often a responder wakes for one time that its answers are
// measured: often enough that a minute of a server with little to do says something,
// and so seldom that the clock costs nothing where there is much.
const timedEvery = 16

// path is the way that an answer was come by.
type path uint8

const (
	pathHit    path = iota // kept, or not looked for at all
	pathStatic             // from records in memory
	pathGuest              // by a guest
	pathSlow               // by the slow workers
	paths
)

var pathText = [paths]string{"hit", "static", "guest", "slow"}

// pathOf returns the path of an answer that a fast Worker gave.
func pathOf(c resolve.Class) path {
	if c == resolve.ClassGuest {
		return pathGuest
	}
	return pathStatic
}

// durationBounds are the upper bounds of what answers are sorted into by how long
// they took: one that is kept takes 1 us, 32 of them that leave together 30 us, a
// small guest 5 us, and nobody waits for longer than slowPatience.
var durationBounds = [...]time.Duration{
	time.Microsecond, 2500 * time.Nanosecond, 5 * time.Microsecond, 10 * time.Microsecond, 25 * time.Microsecond, 50 * time.Microsecond,
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond,
}

// durations counts answers by how long they took. It is written by one goroutine.
type durations struct {
	in  [len(durationBounds) + 1]counter // by the least bound that is not below; the last is for those above all
	sum counter                          // nanoseconds
}

// observe counts n answers that took d each.
func (t *durations) observe(d time.Duration, n int) {
	i := 0
	for i < len(durationBounds) && d > durationBounds[i] {
		i++
	}
	t.in[i].add(uint64(n))
	t.sum.add(uint64(max(d, 0)) * uint64(n))
}

// observe counts n answers, which are ready now, to messages that were read together.
func (r *responder) observe(p path, n int) {
	if n > 0 {
		r.counters.took[p].observe(time.Since(r.read), n)
	}
}

var descTook = prometheus.NewDesc("responder_query_seconds",
	"Time from when a query was read until its response was ready, of a sample, by path: hit, static, guest or slow.", []string{"path"}, nil)

// collectTook sends the sums over all workers, by path.
func (m *Metrics) collectTook(ch chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for p := range paths {
		var count, sum uint64
		buckets := make(map[float64]uint64, len(durationBounds))
		for i := range len(durationBounds) + 1 {
			for _, w := range m.workers {
				count += w.took[p].in[i].n.Load()
			}
			if i < len(durationBounds) {
				buckets[durationBounds[i].Seconds()] = count
			}
		}
		for _, w := range m.workers {
			sum += w.took[p].sum.n.Load()
		}
		ch <- prometheus.MustNewConstHistogram(descTook, count, time.Duration(sum).Seconds(), buckets, pathText[p])
	}
}
